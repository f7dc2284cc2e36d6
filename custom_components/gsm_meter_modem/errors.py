"""Errors, with texts that Home Assistant translates."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN
from .contract import Answer

USER_CODES: Final = frozenset(
    {
        "invalid_value",
        "unknown_setting",
        "unknown_field",
        "unknown_module",
        "unknown_action",
        "unsupported_action",
        "unsupported_setting",
        "unsafe_change",
        "confirm_required",
        "unknown_job",
        "not_cancellable",
        "not_allowed",
        "number_in_use",
        "unknown_modem",
        "unknown_name",
    }
)
"""Codes of the contract that say: what you asked for is wrong; nothing was stored."""

FAILURE_CODES: Final = frozenset(
    {
        "budget_exhausted",
        "storage_failed",
        "internal_error",
        "overloaded",
        "rejected_by_network",
        "transaction_conflict",
        "deadline_before_send",
        "modem_send_failed",
        "not_delivered",
        "no_reply",
        "unreadable_reply",
        "rejected_by_module",
        "update_failed",
        "mismatched",
        "unconfirmed",
        "uncertain",
        "cancelled",
        "link_lost",
        "port_held",
        "modem_timeout",
        "modem_refused",
        "modem_error",
    }
)
"""Codes that say: it was right, and it did not work out."""

OF_CONTRACT_1: Final = MappingProxyType(
    {
        "guarded": "unsafe_change",
        "module_refused": "rejected_by_module",
        "not_sent": "deadline_before_send",
        "send_refused": "modem_send_failed",
        "send_rejected": "rejected_by_network",
    }
)
"""Codes of contract 1, and what they are called since."""


def invalid(key: str, **placeholders: str) -> ServiceValidationError:
    """Return an error caused by the request."""
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )


def failed(key: str, **placeholders: str) -> HomeAssistantError:
    """Return an error of the bridge, a modem or a module."""
    return HomeAssistantError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )


def of_answer(answer: Answer) -> HomeAssistantError:
    """Return what an answer with an error is; unknown codes are shown as they are."""
    error_code, message = answer.error
    code = OF_CONTRACT_1.get(error_code, error_code)
    if code in USER_CODES:
        return invalid(f"error_{code}", message=message)
    if code in FAILURE_CODES:
        return failed(f"error_{code}", message=message)
    return failed("error_other", code=code, message=message)


async def async_sentence(hass: HomeAssistant, error: BaseException) -> str:
    """Return an error in Home Assistant's language, as part of a text; the bridge's reason is English.

    Home Assistant itself translates an error only if it is shown alone.
    """
    if not isinstance(error, HomeAssistantError) or error.translation_domain != DOMAIN:
        return str(error)
    texts = await async_get_translations(hass, hass.config.language, "exceptions", {DOMAIN})
    text = texts.get(f"component.{DOMAIN}.exceptions.{error.translation_key}.message")
    return str(error) if text is None else text.format(**error.translation_placeholders or {})
