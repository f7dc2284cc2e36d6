"""Which meter each module was in when it was first seen, kept over restarts."""

from __future__ import annotations

from typing import Self

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from .const import DOMAIN

_VERSION = 1
_SAVE_DELAY_S = 1.0


class Serials:
    """Meter serial numbers by module."""

    def __init__(self, store: Store[dict[str, str]], known: dict[str, str]) -> None:
        self._store, self._known = store, known

    @classmethod
    async def load(cls, hass: HomeAssistant, entry_id: str) -> Self:
        """Read what was kept for an entry."""
        store = _store(hass, entry_id)
        return cls(store, await store.async_load() or {})

    @staticmethod
    async def remove(hass: HomeAssistant, entry_id: str) -> None:
        """Delete what was kept for an entry."""
        await _store(hass, entry_id).async_remove()

    def first(self, module: str, serial: str) -> str:
        """Return the serial that a module was first seen with; `serial` where that is now."""
        if module not in self._known:
            self.accept(module, serial)
        return self._known[module]

    def accept(self, module: str, serial: str) -> None:
        """Take `serial` as that of the module's meter from now on."""
        self._known[module] = serial
        self._store.async_delay_save(lambda: dict(self._known), _SAVE_DELAY_S)


def _store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, str]]:
    return Store(hass, _VERSION, f"{DOMAIN}.{entry_id}.meters")
