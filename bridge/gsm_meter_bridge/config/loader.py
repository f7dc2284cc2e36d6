"""Reads the configuration file, resolves secrets, checks everything, and reports all faults at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gsm_meter_bridge.commands.plan import Price
from gsm_meter_bridge.commands.polling import PollPlan
from gsm_meter_bridge.config.conflicts import conflicts
from gsm_meter_bridge.config.connections import connectivity_of, listener_of
from gsm_meter_bridge.config.model import (
    BridgeConfig,
    Config,
    ModemConfig,
    MqttConfig,
    PollConfig,
    TcpConfig,
    TlsConfig,
)
from gsm_meter_bridge.config.renamed import ELSEWHERE
from gsm_meter_bridge.config.schema import CONFIG
from gsm_meter_bridge.config.secrets import Secrets
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.families import profile_of
from gsm_meter_bridge.installation import beside
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.model import SMS, Access, ConfigFrame, Family, Module, RequestFormat
from gsm_meter_bridge.model.facts import Budget
from gsm_meter_bridge.profiles import Profile
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.storage.registry import ANY
from gsm_meter_bridge.translations import Language
from gsm_meter_bridge.translations.common import COMMON
from gsm_meter_bridge.vocabulary import Secret
from gsm_meter_bridge.yaml_file import Fault, YamlDocument, read_text, read_yaml
from gsm_meter_bridge.yaml_file.checks import checked as check_document
from gsm_meter_bridge.yaml_file.checks import refuse

_KEY_FILE = "gsm-meter-bridge.key"
"""The default key file if the database is on a server; in the service's state folder (systemd) if set."""


def load_config(file: Path) -> Config:
    """Return the configuration in `file`.

    Raises ConfigError with a sentence for each fault: file, line, place, and what is allowed. A value that
    may be a secret is never cited.
    """
    document = read_yaml(file, Secrets(file).tags)
    checked = check_document(document, CONFIG, ELSEWHERE)
    refuse(document, conflicts(checked, document.line_of))
    return _config(file, document, checked)


def _config(file: Path, document: YamlDocument, checked: Mapping[str, Any]) -> Config:
    modules = _modules(_Profiles(file), document, checked["modules"])
    sms, poll = checked["sms"], checked["poll"]
    policy = Policy(sms["reply_timeout"], sms["deadline"], sms["late_reply_window"], sms["retry_delay"])
    plans = {
        m["id"]: PollPlan(
            m["poll_interval"] or poll["interval"], poll["jitter"], "sms" in m["poll_transports"]
        )
        for m in checked["modules"]
    }
    names = COMMON[Language(checked["bridge"]["language"])].names
    return Config(
        bridge=_bridge(file, checked["bridge"], names),
        mqtt=_mqtt(checked["mqtt"]),
        modems=tuple(_modem(m, names) for m in checked["modems"]),
        policy=policy,
        price=None if sms["price"] is None else Price(sms["price"], sms["currency"]),
        poll=PollConfig(
            plans,
            poll["identity_interval"],
            poll["initial_poll_spread"],
            poll["offline_after_missed_polls"],
            poll["quiet_hours"],
        ),
        tcp=_tcp(checked),
        modules=modules,
        routes={m["id"]: _route(m) for m in checked["modules"]},
        budgets=Budgets(
            {m["id"]: Budget(**m["budget"]) for m in checked["modems"]},
            {m["id"]: Budget(**m["budget"]) for m in checked["modules"] if any(m["budget"].values())},
        ),
        latest_firmware={family.id: version for family, version in checked["latest_firmware"].items()},
        warnings=tuple(message for module in modules.values() for message in _doubts(module)),
    )


def _bridge(file: Path, checked: Mapping[str, Any], names: Mapping[str, str]) -> BridgeConfig:
    where = checked["database"]
    rest = {k: v for k, v in checked.items() if k not in ("database", "key_file", "retention")}
    rest |= {"name": rest["name"] or names["bridge.name"], "language": Language(rest["language"])}
    database = where if isinstance(where, Secret) else file.parent / where
    own_folder = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    default = Path(own_folder, _KEY_FILE) if isinstance(where, Secret) else beside(where)
    key_file = file.parent / (checked["key_file"] or default)
    return BridgeConfig(**rest, database=database, key_file=key_file, retention_s=checked["retention"])


def _mqtt(checked: Mapping[str, Any]) -> MqttConfig:
    tls = TlsConfig(**checked["tls"]) if checked["tls"] is not None else None
    values = {k: v for k, v in checked.items() if k not in ("tls", "port", "birth_delay")}
    port = checked["port"] or (8883 if tls else 1883)
    return MqttConfig(**values, port=port, tls=tls, birth_delay_s=checked["birth_delay"])


def _tcp(checked: Mapping[str, Any]) -> TcpConfig:
    tcp = checked["tcp"]
    intervals_s = {m["id"]: m["poll_interval"] or tcp["meter_poll_interval"] for m in checked["modules"]}
    return TcpConfig(tuple(map(listener_of, checked["listeners"])), tcp["idle_timeout"], intervals_s)


def _modem(checked: Mapping[str, Any], names: Mapping[str, str]) -> ModemConfig:
    renamed = {
        "status_interval": "status_interval_s",
        "restart_after_no_network": "restart_after_no_network_s",
    }
    values = {renamed.get(k, k): v for k, v in checked.items() if k != "budget"}
    return ModemConfig(**{**values, "name": values["name"] or names["modem.name"]})


def _route(checked: Mapping[str, Any]) -> str:
    """Return the route to a module: a modem, a group of modems, any modem, or another transport."""
    if checked["transport"] != SMS:
        return f"transport:{checked['transport']}"
    named = next((kind for kind in ("modem", "group") if checked[kind] is not None), None)
    return ANY if named is None else f"{named}:{checked[named]}"


def _modules(
    profiles: _Profiles, document: YamlDocument, checked: Sequence[Mapping[str, Any]]
) -> dict[str, Module]:
    modules, faults = {}, []
    for n, one in enumerate(checked):
        try:
            module = modules[one["id"]] = _module(profiles, one)
            if module.model not in (None, *module.family.models):
                faults.append(
                    Fault(
                        ("modules", n, "model"),
                        f"{module.model!r}: allowed: {', '.join(module.family.models)}",
                    )
                )
            if not module.family.reads(module.access):
                faults.append(Fault(("modules", n, "transport"), _no_form(module)))
        except ConfigError as error:
            faults += [
                Fault(("modules", n, "profile"), message, in_another=True) for message in error.problems
            ]
    refuse(document, faults)
    return modules


def _module(profiles: _Profiles, checked: Mapping[str, Any]) -> Module:
    family: Family = checked["family"]
    password = checked["password"] or Secret(family.default_password)
    name = checked["name"] or checked["id"].replace("_", " ").capitalize()
    access = Access(password, *profiles.chosen(family, checked["profile"]), checked["transport"])
    model = checked["model"]
    return Module(checked["id"], name, family, checked["number"], access, connectivity_of(checked), model)


def _no_form(module: Module) -> str:
    """Return what is missing if neither the manual nor a profile has requests for the module's transport."""
    transport, profile = module.access.delivery, module.access.profile
    has = "no profile is chosen that has any" if profile is None else f"profile {profile.name} has none"
    message = f"{transport!r}: the manual of {module.family.title} documents no requests by it, and {has}"
    hint = (
        f"add requests with `transport: {transport}` to a profile (docs/profiles.md), or leave transport out"
    )
    return f"{message}; {hint}"


def _doubts(module: Module) -> list[str]:
    """Return the reasons why a module's configuration may not work."""
    doubts = module.family.doubts(module.access.delivery, module.connectivity, {})
    return [f"{module.id}: {one}" for one in doubts]


class _Profiles:
    """The profiles of a configuration, each read once however many modules choose it."""

    def __init__(self, file: Path) -> None:
        self._folder = file.parent
        self._read: dict[tuple[str, str], Profile | ConfigError] = {}

    def chosen(self, family: Family, names: Sequence[str]) -> tuple[RequestFormat | None, ConfigFrame | None]:
        """Return the requests and the frame of settings that the named profiles define.

        Raises ConfigError if a profile cannot be used, or two of them define the same.
        """
        profiles = [self._one(family, name) for name in names]
        requests = [p for p in profiles if p.requests]
        frames = [p.frame for p in profiles if p.frame is not None]
        if len(requests) > 1 or len(frames) > 1:
            raise ConfigError([f"{', '.join(names)} do the same; choose one of them"])
        return next(iter(requests), None), next(iter(frames), None)

    def _one(self, family: Family, name: str) -> Profile:
        key = family.id, name
        if key not in self._read:
            try:
                self._read[key] = profile_of(family, name, lambda path: read_text(self._folder / path))
            except ConfigError as error:
                self._read[key] = error
        found = self._read[key]
        if isinstance(found, ConfigError):
            raise found
        return found
