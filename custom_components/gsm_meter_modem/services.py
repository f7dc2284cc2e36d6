"""Carries out the actions: checks the call, finds the bridge of each device, asks, answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import voluptuous as vol
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import selector
from homeassistant.helpers.service import async_register_admin_service
from homeassistant.helpers.translation import async_get_translations

from .actions import ACTIONS, CONFIRM, DEVICE_ID, TIMEOUT, WAIT, Action, Field
from .bridge import Kind
from .capabilities import ModuleInfo
from .const import ANSWER_S, ASKS, DOMAIN, MODEM_ANSWER_S
from .errors import async_sentence, failed, invalid
from .exchanges import Outcome, RequestOptions
from .targets import Target, resolve

if TYPE_CHECKING:
    from homeassistant.util.json import JsonObjectType


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register every action of the table."""
    for action in ACTIONS:
        register = (
            partial(async_register_admin_service, hass) if action.admin else hass.services.async_register
        )
        register(
            DOMAIN,
            action.name,
            partial(_handle, action),
            schema(action),
            supports_response=SupportsResponse.ONLY if action.answers else SupportsResponse.OPTIONAL,
        )


def schema(action: Action) -> vol.Schema:
    """Return what an action takes; a field is checked by the selector that its form shows."""
    fields: dict[vol.Marker, Any] = {
        vol.Required(DEVICE_ID): vol.All(cv.ensure_list, vol.Length(min=1), [cv.string]),
        **{_key(field): selector.selector(dict(field.selector)) for field in action.fields},
    }
    if action.job:
        fields[vol.Optional(WAIT, default=True)] = cv.boolean
        fields[vol.Optional(TIMEOUT)] = cv.positive_time_period
    return vol.Schema(fields)


def _key(field: Field) -> vol.Marker:
    if field.default is not None:
        return vol.Optional(field.name, default=field.default)
    return vol.Required(field.name) if field.required else vol.Optional(field.name)


async def _handle(action: Action, call: ServiceCall) -> ServiceResponse:
    """Ask all devices at once; the first error is raised, or a summary if there are several devices."""
    if action.confirm and not call.data[CONFIRM]:
        raise invalid("confirm_needed", action=await _title(call.hass, action))
    targets = [resolve(call.hass, device, action.of) for device in dict.fromkeys(call.data[DEVICE_ID])]
    requests = [_request(action, target, call.data) for target in targets]
    asked = (
        _ask(action, target, fields, call.data) for target, fields in zip(targets, requests, strict=True)
    )
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    done: JsonObjectType = {}
    errors: list[tuple[Target, BaseException]] = []
    for target, outcome in zip(targets, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            errors.append((target, outcome))
        else:
            done[target.device_id] = _response(action, outcome)
    await _raise(call.hass, errors, len(targets))
    return {"results": done} if call.return_response else None


def _request(action: Action, target: Target, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the request; raises ServiceValidationError where the module cannot do it."""
    given = {k: v for k, v in data.items() if k not in (DEVICE_ID, WAIT, TIMEOUT, CONFIRM)}
    module = target.module
    known = (module.settings if module is not None else None) or frozenset()
    fields = action.fields_of(given, known) if action.fields_of else given
    if module is not None:
        _check(module, action, fields)
    if data.get(CONFIRM):
        fields[CONFIRM] = True
    whose = {} if target.subject.kind is Kind.BRIDGE else {target.subject.kind.value: target.subject.id}
    return {**whose, **fields}


def _check(module: ModuleInfo, action: Action, fields: Mapping[str, Any]) -> None:
    for name in fields.get("settings", ()):
        if not module.has_setting(name):
            raise invalid("setting_missing", module=module.name, setting=name)
    if not module.has_action(action.request):
        raise invalid("action_missing", module=module.name, action=action.name)


async def _title(hass: HomeAssistant, action: Action) -> str:
    """Return what an action is called in the forms."""
    translations = await async_get_translations(hass, hass.config.language, "services", {DOMAIN})
    return translations.get(f"component.{DOMAIN}.services.{action.name}.name", action.name)


async def _ask(action: Action, target: Target, fields: Mapping[str, Any], data: Mapping[str, Any]) -> Outcome:
    options = RequestOptions(
        wait=data.get(WAIT, True),
        timeout=data.get(TIMEOUT),
        answer_s=ANSWER_S if action.repeatable else MODEM_ANSWER_S,
        asks=ASKS if action.repeatable else 1,
    )
    return await target.bridge.exchanges.async_ask(action.request, fields, options)


def _response(action: Action, outcome: Outcome) -> JsonObjectType:
    """Return the last answer, and beside it how it was accepted."""
    accepted = dict(outcome.accepted.document) if outcome.accepted else None
    document = dict(outcome.final.document) if outcome.final else dict(accepted or {})
    document.pop("transaction", None)
    if outcome.final and accepted:
        document["accepted"] = {name: accepted[name] for name in ("deadline", "messages")}
    if action.settings_only and "data" in document:
        settings = document.pop("data")["settings"]
        document["settings"] = {name: value for name, value in settings.items() if value is not None}
    return document


async def _raise(hass: HomeAssistant, errors: list[tuple[Target, BaseException]], asked: int) -> None:
    for _, error in errors:
        if asked == 1 or not isinstance(error, HomeAssistantError):
            raise error
    if errors:
        settings = [f"{target.name}: {await async_sentence(hass, error)}" for target, error in errors]
        raise failed("some_failed", failed=str(len(errors)), asked=str(asked), details="; ".join(settings))
