"""The actions, one row each. Schemas, services.yaml and the table in docs/integration.md are made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from . import changes
from .bridge import Kind

type Data = Mapping[str, Any]

DEVICE_ID, WAIT, TIMEOUT, CONFIRM = "device_id", "wait", "timeout", "confirm"
_TEXT: Final[Mapping[str, Any]] = {"text": {}}
_SECRET: Final = {"text": {"type": "password"}}
_NUMBERS: Final = {"text": {"multiple": True, "type": "tel"}}
_SERVER: Final = {"number": {"min": 0, "max": 1, "mode": "box"}}
_ENTRY: Final = {"number": {"min": 0, "max": 9, "mode": "box"}}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an action: its selector as in services.yaml, an example or a default for the form."""

    name: str
    selector: Mapping[str, Any]
    required: bool = True
    example: Any = None
    default: Any = None


@dataclass(frozen=True, slots=True)
class Action:
    """One action.

    `request` is the bridge's action. `fields_of` makes the fields of the request, of the call's data and
    the module's settings. `of` is the kind of device it is called for. One that sets something is offered
    for modules whose family has one of `settings`, any other where the family has the action.
    `admin`: only for administrators; `confirm`: only with `confirm: true`. `job`: the bridge makes a job of
    it and answers twice. `repeatable`: published again while unanswered, because the bridge does it once.
    `answers`: its answer is all that it is for; `settings_only`: of the module's document it answers with
    the settings that are known, as the action `apply` takes them.
    """

    name: str
    request: str
    fields: tuple[Field, ...] = ()
    fields_of: Callable[[Data, frozenset[str]], dict[str, Any]] | None = None
    of: Kind = Kind.MODULE
    settings: tuple[str, ...] = ()
    admin: bool = False
    confirm: bool = False
    job: bool = True
    repeatable: bool = True
    answers: bool = False
    settings_only: bool = False


def _confirmed(name: str, request: str, *fields: Field, **more: Any) -> Action:
    """Return an action that can cut a module off, or costs it its settings."""
    return Action(name, request, (*fields, _SURE), admin=True, confirm=True, **more)


def _modem(name: str, request: str, *fields: Field, **more: Any) -> Action:
    """Return an action on a modem of ours, for administrators."""
    return Action(name, request, fields, of=Kind.MODEM, admin=True, job=False, repeatable=False, **more)


def _storage(name: str, operation: str, *fields: Field, **more: Any) -> Action:
    """Return an action on the messages in a memory of a modem."""
    return _modem(name, "sms_storage", _MEMORY, *fields, fields_of=changes.operation(operation), **more)


def _master_sim(name: str, operation: str, *fields: Field, **more: Any) -> Action:
    """Return an action on the settings on a modem's SIM, for modules to take up."""
    named = (_FAMILY, *fields, _PROFILE)
    return _modem(name, "master_sim", *named, fields_of=changes.operation(operation), **more)


_SETTINGS: Final = Field(
    "settings", {"object": {}}, example='{"apn": "m2m.example", "connect_period_s": 300}'
)
_SERVER_INDEX: Final = Field("server", _SERVER, required=False, default=0)
_ANY_SERVER: Final = Field("server", _SERVER, required=False)
_SURE: Final = Field(CONFIRM, {"boolean": {}}, default=False)
_MEMORY: Final = Field("memory", {"select": {"options": ["SM", "ME", "MT"]}}, default="SM")
_FAMILY: Final = Field("family", _TEXT)
_PROFILE: Final = Field("profile", _TEXT, required=False)
_STORED_AS: Final = Field(
    "stored_as",
    {"select": {"options": ["submit", "deliver"], "translation_key": "stored_as"}},
    default="submit",
)
_LISTED: Final = Field("numbers", _NUMBERS, example='["+79990000001"]')

ACTIONS: Final = (
    Action("request_status", "request_status"),
    Action("request_identity", "request_identity"),
    Action("read_settings", "read_settings"),
    Action("snapshot", "read_settings", answers=True, settings_only=True),
    Action(
        "set_apn",
        "apply",
        (
            Field("apn", _TEXT, example="m2m.example"),
            Field("user", _TEXT, required=False, example="meter"),
            Field("password", _SECRET, required=False),
            Field(
                "authentication",
                {"select": {"options": ["none", "pap", "chap"], "translation_key": "authentication"}},
                required=False,
            ),
        ),
        changes.apn,
        settings=("apn",),
    ),
    _confirmed(
        "set_mode",
        "apply",
        Field(
            "mode",
            {"select": {"options": ["sms", "client_cenc", "server", "client"], "translation_key": "mode"}},
            example="client",
        ),
        fields_of=changes.mode,
        settings=("mode",),
    ),
    _confirmed(
        "set_server",
        "apply",
        Field("host", _TEXT, required=False, example="server.example"),
        Field("port", {"number": {"min": 1, "max": 65535, "mode": "box"}}, example=20000),
        _ANY_SERVER,
        Field("enabled", {"boolean": {}}, required=False),
        fields_of=changes.server,
        settings=("server_host", "server.<n>.address"),
    ),
    Action(
        "set_connect_period",
        "apply",
        (
            Field(
                "connect_period_s",
                {"number": {"min": 60, "max": 65535, "mode": "box", "unit_of_measurement": "s"}},
                example=300,
            ),
        ),
        changes.connect_period,
        settings=("connect_period_s",),
    ),
    Action(
        "set_idle_restart_period",
        "apply",
        (
            Field(
                "idle_restart_period_h",
                {"number": {"min": 1, "max": 24, "mode": "box", "unit_of_measurement": "h"}},
                example=12,
            ),
        ),
        changes.idle_restart_period,
        settings=("idle_restart_period_h",),
    ),
    Action(
        "set_serial_port",
        "apply",
        (Field("serial_port", _TEXT, example="9600,8,N,1"),),
        changes.serial_port,
        settings=("serial_port",),
    ),
    Action(
        "set_server_rule",
        "apply",
        (
            _SERVER_INDEX,
            Field("rule", _ENTRY, example=0),
            Field("start", {"time": {}}, example="01:00:00"),
            Field("end", {"time": {}}, example="03:00:00"),
            Field(
                "every_min",
                {"number": {"min": 0, "max": 1439, "mode": "box", "unit_of_measurement": "min"}},
                required=False,
                example=60,
            ),
        ),
        changes.server_rule,
        settings=("server.<n>.rule.<x>",),
    ),
    Action(
        "clear_server_rule",
        "apply",
        (_SERVER_INDEX, Field("rule", _ENTRY, example=0)),
        changes.no_server_rule,
        settings=("server.<n>.rule.<x>",),
    ),
    _confirmed(
        "set_white_list", "apply", _LISTED, fields_of=changes.white_list, settings=("white_list.<x>",)
    ),
    Action(
        "set_server_white_list",
        "apply",
        (_SERVER_INDEX, _LISTED),
        changes.server_white_list,
        settings=("server.<n>.white_list.<x>",),
    ),
    _confirmed(
        "set_access_password",
        "apply",
        Field("password", _SECRET),
        fields_of=changes.access_password,
        settings=("access_password",),
    ),
    Action("connect", "connect", (_ANY_SERVER,), changes.server_index),
    Action("disconnect", "disconnect"),
    Action("call", "call"),
    Action("reboot", "reboot"),
    _confirmed("restore_factory_settings", "restore"),
    _confirmed("update_firmware", "update"),
    Action("accept_drift", "accept_drift", job=False),
    Action("plan", "plan", (_SETTINGS,), changes.settings, job=False, answers=True),
    Action(
        "apply",
        "apply",
        (_SETTINGS, Field(CONFIRM, {"boolean": {}}, required=False, default=False)),
        changes.settings,
        admin=True,
    ),
    Action(
        "cancel_job",
        "cancel",
        (Field("job", _TEXT, example="01935f0a3c00a1b2c3d4"),),
        changes.job,
        of=Kind.BRIDGE,
        job=False,
    ),
    _modem("send_raw", "raw_at", Field("command", _TEXT, example="AT+CSQ")),
    _modem("send_ussd", "ussd", Field("code", _TEXT, example="*100#")),
    _modem("restart_modem", "restart_modem"),
    _storage("list_sms_storage", "list", answers=True),
    _storage("select_sms_storage", "select"),
    _storage("clear_sms_storage", "clear", _SURE, confirm=True),
    _master_sim("read_master_sim", "read", answers=True),
    _master_sim(
        "write_master_sim", "write", _SETTINGS, Field("password", _SECRET, required=False), _STORED_AS
    ),
    _master_sim("clear_master_sim", "clear"),
)
