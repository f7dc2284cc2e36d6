"""Reads the file, resolves secrets, checks everything, and reports every fault at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import voluptuous as vol
import yaml

from gsm_meter_bridge.config.model import (
    BridgeConfig,
    Config,
    ModemConfig,
    MqttConfig,
    PollConfig,
    TcpConfig,
    TlsConfig,
)
from gsm_meter_bridge.config.schema import CONFIG
from gsm_meter_bridge.config.sockets import listener_of, missing_in, reach_of
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.families import profile_of
from gsm_meter_bridge.family import SMS, Access, ConfigFrame, Family, Module, RequestFormat
from gsm_meter_bridge.jobs.budgets import Budget, Budgets
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.jobs.registry import ANY
from gsm_meter_bridge.profile import Profile
from gsm_meter_bridge.service.plan import Price
from gsm_meter_bridge.service.polling import PollPlan
from gsm_meter_bridge.vocabulary import MASK, Secret

# written in C where there is a compiler: a fleet's file is long
_SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SECRET_KEYS = frozenset({"password", "pin"})


def load_config(file: Path) -> Config:
    """Return the configuration in `file`.

    Raises ConfigError with a sentence for every fault: file, path, value and what is allowed.
    """
    document = _parse(file, _read(file))
    try:
        checked = CONFIG(document)
    except vol.MultipleInvalid as error:
        raise ConfigError(_sentence(file, document, fault) for fault in error.errors) from error
    _check_unique(file, "modules", checked["modules"], ("id", "number"))
    _check_unique(file, "modems", checked["modems"], ("id", "url"))
    _check_unique(file, "listeners", checked["listeners"], ("id", "port"))
    return _config(file, checked)


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: cannot be read: {error}"]) from error


def _parse(file: Path, text: str) -> Any:
    class Loader(_SafeLoader):  # type: ignore[misc,valid-type]
        """A safe loader that also knows where secrets are."""

    def from_secrets(_loader: Any, node: Any) -> Secret:
        return _secret_of(file.with_name("secrets.yaml"), node.value)

    def from_env(_loader: Any, node: Any) -> Secret:
        if node.value not in os.environ:
            raise ConfigError(
                [f"{file}: line {node.start_mark.line + 1}: no variable {node.value} in the environment"]
            )
        return Secret(os.environ[node.value])

    def from_file(_loader: Any, node: Any) -> Secret:
        return Secret(_read(file.parent / node.value).strip())

    Loader.add_constructor("!secret", from_secrets)
    Loader.add_constructor("!env", from_env)
    Loader.add_constructor("!file", from_file)
    try:
        return yaml.load(text, Loader)  # noqa: S506  a SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError([f"{file}: not valid YAML: {error}"]) from error


def _secret_of(file: Path, name: str) -> Secret:
    try:
        known = yaml.safe_load(_read(file))
    except yaml.YAMLError as error:
        raise ConfigError([f"{file}: not valid YAML"]) from error
    if not isinstance(known, dict) or name not in known:
        raise ConfigError([f"{file}: has no secret named {name}"])
    return Secret(str(known[name]))


def _sentence(file: Path, document: Any, fault: vol.Invalid) -> str:
    place = ".".join(str(getattr(p, "schema", p)) for p in fault.path) or "top level"
    if isinstance(fault, vol.RequiredFieldInvalid):
        return f"{file}: {place}: is missing"
    if fault.error_message == "extra keys not allowed":
        return f"{file}: {place}: there is no such option"
    hide = _SECRET_KEYS.intersection(str(p) for p in fault.path)
    value = MASK if hide else _value_at(document, fault.path)
    return f"{file}: {place}: {value!r} is not allowed; {fault.error_message}"


def _value_at(document: Any, path: Sequence[Any]) -> Any:
    for part in path:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def _check_unique(file: Path, what: str, rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> None:
    problems = [
        f"{file}: {what}: {key} {value!r} is used {count} times; each {what[:-1]} needs its own"
        for key in keys
        for value, count in Counter(row[key] for row in rows).items()
        if count > 1
    ]
    if problems:
        raise ConfigError(problems)


def _config(file: Path, checked: Mapping[str, Any]) -> Config:
    profiles = _Profiles(file)
    modules = {m["id"]: _module(profiles, m) for m in checked["modules"]}
    sms, poll = checked["sms"], checked["poll"]
    policy = Policy(sms["reply_timeout"], sms["deadline"], sms["late_window"], sms["resend_delay"])
    plans = {
        m["id"]: PollPlan(m["poll_interval"] or poll["interval"], poll["jitter"], "sms" in m["poll_by"])
        for m in checked["modules"]
    }
    return Config(
        bridge=_bridge(file, checked["bridge"]),
        mqtt=_mqtt(checked["mqtt"]),
        modems=tuple(_modem(m) for m in checked["modems"]),
        policy=policy,
        price=None if sms["price"] is None else Price(sms["price"], sms["currency"]),
        poll=PollConfig(
            plans, poll["identity_interval"], poll["first_spread"], poll["missed_polls"], poll["quiet_hours"]
        ),
        tcp=_tcp(checked),
        modules=modules,
        routes=_routes(file, checked["modules"], checked["modems"]),
        budgets=Budgets(
            {m["id"]: Budget(**m["budget"]) for m in checked["modems"]},
            {m["id"]: Budget(**m["budget"]) for m in checked["modules"] if any(m["budget"].values())},
        ),
        latest_firmware={family.id: version for family, version in checked["latest_firmware"].items()},
    )


def _bridge(file: Path, checked: Mapping[str, Any]) -> BridgeConfig:
    where = checked["database"]
    rest = {k: v for k, v in checked.items() if k not in ("database", "retention")}
    database = where if isinstance(where, Secret) else file.parent / where
    return BridgeConfig(**rest, database=database, retention_s=checked["retention"])


def _mqtt(checked: Mapping[str, Any]) -> MqttConfig:
    tls = TlsConfig(**checked["tls"]) if checked["tls"] is not None else None
    values = {k: v for k, v in checked.items() if k not in ("tls", "port", "birth_delay")}
    port = checked["port"] or (8883 if tls else 1883)
    return MqttConfig(**values, port=port, tls=tls, birth_delay_s=checked["birth_delay"])


def _tcp(checked: Mapping[str, Any]) -> TcpConfig:
    tcp = checked["tcp"]
    intervals_s = {m["id"]: m["poll_interval"] or tcp["interval"] for m in checked["modules"]}
    return TcpConfig(tuple(map(listener_of, checked["listeners"])), tcp["idle_timeout"], intervals_s)


def _modem(checked: Mapping[str, Any]) -> ModemConfig:
    renamed = {"status_interval": "status_interval_s", "restart_after": "restart_after_s"}
    return ModemConfig(**{renamed.get(k, k): v for k, v in checked.items() if k != "budget"})


def _routes(
    file: Path, modules: Sequence[Mapping[str, Any]], modems: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Return each module's route; a modem or a group that there is not is a ConfigError."""
    known = {"modem": {m["id"] for m in modems}, "group": {m["group"] for m in modems} - {None}}
    routes, problems = {}, []
    for module in modules:
        named = [(kind, module[kind]) for kind in known if module[kind] is not None]
        place = f"{file}: modules: {module['id']}"
        problems += [f"{place}: {words}" for words in missing_in(module)]
        if module["csd"] and not modems:
            problems.append(f"{place}: csd: a modem makes the call, and there is none; write modems: ...")
        if len(named) > 1:
            problems.append(f"{place}: expected either modem or group")
        for kind, name in named:
            if name not in known[kind]:
                choices = ", ".join(sorted(known[kind])) or "none"
                problems.append(f"{place}: {kind}: {name!r} is not allowed; allowed: {choices}")
        routes[module["id"]] = ":".join(named[0]) if named else ANY
        if module["delivery"] != SMS:
            routes[module["id"]] = f"delivery:{module['delivery']}"
    if problems:
        raise ConfigError(problems)
    return routes


def _module(profiles: _Profiles, checked: Mapping[str, Any]) -> Module:
    family: Family = checked["family"]
    password = checked["password"] or Secret(family.default_password)
    name = checked["name"] or checked["id"].replace("_", " ").capitalize()
    access = Access(password, *profiles.chosen(family, checked["profile"]), checked["delivery"])
    return Module(checked["id"], name, family, checked["number"], access, reach_of(checked))


class _Profiles:
    """The profiles of a configuration, each read once however many modules choose it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read: dict[tuple[str, str], Profile] = {}

    def chosen(self, family: Family, names: Sequence[str]) -> tuple[RequestFormat | None, ConfigFrame | None]:
        """Return the requests and the frame of settings that the named profiles give."""
        profiles = [self._one(family, name) for name in names]
        requests = [p for p in profiles if p.requests]
        frames = [p.frame for p in profiles if p.frame is not None]
        if len(requests) > 1 or len(frames) > 1:
            words = f"{', '.join(names)} do the same; choose one of them"
            raise ConfigError([f"{self._file}: modules: profile: {words}"])
        return next(iter(requests), None), next(iter(frames), None)

    def _one(self, family: Family, name: str) -> Profile:
        key = family.id, name
        if key not in self._read:
            try:
                self._read[key] = profile_of(family, name, lambda path: _read(self._file.parent / path))
            except ConfigError as error:
                raise ConfigError(f"{self._file}: modules: {words}" for words in error.problems) from error
        return self._read[key]
