"""Tells Home Assistant's Repairs what the conditions find, and takes it back when it is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .bridge import Bridge, Kind, Subject
from .conditions import (
    OF_BRIDGE,
    OF_MODEM,
    OF_MODULE,
    OF_PROFILE,
    BridgeState,
    Condition,
    Placeholders,
    UsedProfile,
    WatchedModule,
)
from .const import DOMAIN
from .devices import Devices
from .options import Options
from .profiles import Profiles
from .serials import Serials

_LEARN_MORE = "https://github.com/gsm-meter-modem/gsm-meter-modem/blob/main/docs/integration.md"


class Issues:
    """The issues of one bridge, its modems and its modules."""

    def __init__(self, bridge: Bridge, options: Options, serials: Serials) -> None:
        self.serials = serials
        self._bridge, self._options = bridge, options
        self.devices = Devices(bridge.hass, bridge, self.look)
        self._profiles = Profiles()
        self._lasted: set[str] = set()
        self._later: dict[str, CALLBACK_TYPE] = {}

    @callback
    def look(self, subject: Subject) -> None:
        """Judge a subject again, and the profiles whose use it changes."""
        if subject.kind is Kind.MODULE:
            state = self._bridge.modules.get(subject.id)
            for name in self._profiles.keep(subject.id, state.profile if state else None):
                self.look(Subject(Kind.PROFILE, name))
        for condition, placeholders in self._judged(subject):
            issue_id = self._id(condition.key, subject)
            if placeholders is None or condition.key not in self._options.issues:
                self._over(issue_id)
            else:
                self._found(issue_id, condition, subject, placeholders)

    @callback
    def stop(self) -> None:
        """Stop; what was reported stays reported, because Home Assistant keeps what was ignored with it."""
        self.devices.stop()
        while self._later:
            self._later.popitem()[1]()

    def _id(self, key: str, subject: Subject) -> str:
        return f"{_prefix(self._bridge.topics.bridge)}{subject.kind.value}_{subject.id}_{key}"

    def _judged(self, subject: Subject) -> Iterable[tuple[Condition[Any], Placeholders | None]]:
        """Return each condition of a subject, and what it finds."""
        bridge = self._bridge
        if subject.kind is Kind.BRIDGE:
            return self._of_rows(OF_BRIDGE, BridgeState(bridge.online, bridge.info))
        if subject.kind is Kind.MODEM:
            return self._of_rows(OF_MODEM, bridge.modems.get(subject.id))
        if subject.kind is Kind.PROFILE:
            return self._of_rows(OF_PROFILE, self._used(subject.id))
        return self._of_rows(OF_MODULE, self._watched(subject.id))

    def _of_rows[S](
        self, rows: Sequence[Condition[S]], state: S | None
    ) -> Iterable[tuple[Condition[Any], Placeholders | None]]:
        """What is gone has no trouble."""
        return [(row, None if state is None else row.found(state, self._options)) for row in rows]

    def _watched(self, module: str) -> WatchedModule | None:
        state = self._bridge.modules.get(module)
        if state is None:
            return None
        serial = state.meter_serial
        return WatchedModule(state, self.serials.first(module, serial) if serial else None, _local_time)

    def _used(self, profile: str) -> UsedProfile | None:
        found = self._profiles.unverified(profile)
        if found is None:
            return None
        names = sorted(self._name(Subject(Kind.MODULE, module)) for module in found.modules)
        return UsedProfile(found.name, tuple(names))

    def _found(
        self, issue_id: str, condition: Condition[Any], subject: Subject, placeholders: Placeholders
    ) -> None:
        lasting = condition.lasting(self._options)
        if issue_id in self._lasted or not lasting:
            self._report(issue_id, condition, subject, placeholders)
        elif issue_id not in self._later:
            due = partial(self._due, issue_id, subject)
            self._later[issue_id] = async_call_later(self._bridge.hass, lasting, due)

    @callback
    def _due(self, issue_id: str, subject: Subject, _: datetime) -> None:
        del self._later[issue_id]
        self._lasted.add(issue_id)
        self.look(subject)

    def _over(self, issue_id: str) -> None:
        self._lasted.discard(issue_id)
        if (cancel := self._later.pop(issue_id, None)) is not None:
            cancel()
        ir.async_delete_issue(self._bridge.hass, DOMAIN, issue_id)

    def _report(
        self, issue_id: str, condition: Condition[Any], subject: Subject, placeholders: Placeholders
    ) -> None:
        ir.async_create_issue(
            self._bridge.hass,
            DOMAIN,
            issue_id,
            data={"bridge": self._bridge.topics.bridge, "subject": subject.id, "key": condition.key},
            is_fixable=condition.fixable,
            learn_more_url=f"{_LEARN_MORE}#{condition.key.replace('_', '-')}",
            severity=ir.IssueSeverity(condition.weight.value),
            translation_key=condition.key,
            translation_placeholders={"name": self._name(subject), **placeholders},
        )

    def _name(self, subject: Subject) -> str:
        """Return what people call a subject: as its device is named, else as the bridge names it."""
        if (name := self.devices.name(subject)) is not None:
            return name
        info, module = self._bridge.info, self._bridge.module(subject.id)
        if subject.kind is Kind.BRIDGE and info is not None:
            return info.name
        return module.name if subject.kind is Kind.MODULE and module is not None else subject.id


def _local_time(text: str) -> str:
    """Return a time of the contract as a clock at home shows it; what is no time as it is."""
    at = dt_util.parse_datetime(text)
    return text if at is None else f"{dt_util.as_local(at):%Y-%m-%d %H:%M}"


@callback
def forget_issues(hass: HomeAssistant, bridge: str) -> None:
    """Delete the issues of a bridge."""
    registry = ir.async_get(hass)
    mine = [i for d, i in registry.issues if d == DOMAIN and i.startswith(_prefix(bridge))]
    for issue_id in mine:
        ir.async_delete_issue(hass, DOMAIN, issue_id)


def _prefix(bridge: str) -> str:
    return f"{bridge}/"
