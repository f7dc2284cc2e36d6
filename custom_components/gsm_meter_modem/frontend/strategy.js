// Dashboard and view of the bridges' modules. What they show is composed by the integration (view.py), which knows
// the registries; this asks for it, and the frontend asks again whenever a registry changes.
const NAME = "gsm-meter-modem";

const askView = (config, hass) => {
  const { type, ...options } = config;
  return hass.callWS({ type: "gsm_meter_modem/view", language: hass.locale?.language ?? hass.language, options });
};

class ViewStrategy extends HTMLElement {
  static registryDependencies = ["entities", "devices", "areas"];

  static generate(config, hass) {
    return askView(config, hass);
  }
}

class DashboardStrategy extends HTMLElement {
  static registryDependencies = ViewStrategy.registryDependencies;

  static async generate(config, hass) {
    const view = await askView(config, hass);
    return { title: view.title, views: [view] };
  }

  static async getCreateSuggestions(hass) {
    const { title, icon } = await askView({}, hass);
    return { title, icon };
  }
}

for (const [kind, strategy] of [["dashboard", DashboardStrategy], ["view", ViewStrategy]]) {
  const tag = `ll-strategy-${kind}-${NAME}`;
  if (!customElements.get(tag)) customElements.define(tag, strategy);
}

window.customStrategies = window.customStrategies || [];
if (!window.customStrategies.some((known) => known.type === NAME)) {
  window.customStrategies.push({
    type: NAME,
    strategyType: "dashboard",
    name: "GSM Meter Modem",
    description: "All meter modules: their state, signal and commands, and the bridge and its modems",
    documentationURL: "https://github.com/gsm-meter-modem/gsm-meter-modem/blob/main/docs/integration.md#dashboard",
  });
}
