"""The devices that a bridge publishes by MQTT discovery: their names as people see and change them."""

from __future__ import annotations

from collections.abc import Callable

from homeassistant.components.mqtt import DOMAIN as MQTT
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .bridge import Bridge, Kind, Subject


class Devices:
    """Follows the device registry; calls `changed` with each subject whose device is new, renamed or gone."""

    def __init__(self, hass: HomeAssistant, bridge: Bridge, changed: Callable[[Subject], None]) -> None:
        self._hass, self._changed = hass, changed
        self._uid = f"gmm_{bridge.topics.bridge}"
        self._bridge = bridge.subject
        self._ids: dict[Subject, str] = {}
        for entry in hass.config_entries.async_entries(MQTT):
            for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
                self._keep(device)
        self._stop = hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, self._updated)

    @property
    def stop(self) -> CALLBACK_TYPE:
        """Follow no more."""
        return self._stop

    def device_id(self, subject: Subject) -> str | None:
        """Return the id of a subject's device; None as long as MQTT discovery has not made it."""
        return self._ids.get(subject)

    def name(self, subject: Subject) -> str | None:
        """Return the name of a subject's device, as it was renamed where it was."""
        device_id = self._ids.get(subject)
        device = dr.async_get(self._hass).async_get(device_id) if device_id else None
        return (device.name_by_user or device.name) if device else None

    def _keep(self, device: dr.DeviceEntry) -> Subject | None:
        subjects = (self._subject(uid) for domain, uid, *_ in device.identifiers if domain == MQTT)
        subject = next((subject for subject in subjects if subject), None)
        if subject is not None:
            self._ids[subject] = device.id
        return subject

    def _subject(self, uid: str) -> Subject | None:
        if uid == self._uid:
            return self._bridge
        for kind in (Kind.MODEM, Kind.MODULE):
            if uid.startswith(prefix := f"{self._uid}_{kind.value}_"):
                return Subject(kind, uid.removeprefix(prefix))
        return None

    @callback
    def _updated(self, event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        device_id = event.data["device_id"]
        device = dr.async_get(self._hass).async_get(device_id)
        if isinstance(device, dr.DeviceEntry):
            subject = self._keep(device)
        else:
            subject = next((s for s, known in self._ids.items() if known == device_id), None)
            if subject is not None:
                del self._ids[subject]
        if subject is not None:
            self._changed(subject)
