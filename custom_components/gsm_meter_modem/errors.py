"""What goes wrong, in words that Home Assistant translates."""

from __future__ import annotations

from typing import Final

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

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
        "guarded",
        "confirm_required",
        "unknown_job",
        "not_cancellable",
        "not_allowed",
        "unknown_modem",
    }
)
"""Codes of the contract that say: what you asked for is wrong; nothing was stored."""

FAILURE_CODES: Final = frozenset(
    {
        "budget_exhausted",
        "storage_failed",
        "send_rejected",
        "transaction_conflict",
        "not_sent",
        "send_refused",
        "not_delivered",
        "no_reply",
        "module_refused",
        "update_failed",
        "mismatched",
        "unconfirmed",
        "uncertain",
    }
)
"""Codes that say: it was right, and it did not work out."""


def invalid(key: str, **placeholders: str) -> ServiceValidationError:
    """Return an error of whoever asked."""
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )


def failed(key: str, **placeholders: str) -> HomeAssistantError:
    """Return an error of the bridge, a modem or a module."""
    return HomeAssistantError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )


def of_answer(answer: Answer) -> HomeAssistantError:
    """Return what an answer with an error is; unknown codes are told as they are."""
    code, message = answer.error
    if code in USER_CODES:
        return invalid(f"error_{code}", message=message)
    if code in FAILURE_CODES:
        return failed(f"error_{code}", message=message)
    return failed("error_other", code=code, message=message)
