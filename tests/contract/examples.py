"""One example of every document of the contract, made by the real code from fixed inputs.

`python -m tests.contract.examples` writes them anew; read the difference before you commit it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gsm_meter_bridge.at.responses import SimState
from gsm_meter_bridge.commands.plan import Price, make_plan
from gsm_meter_bridge.connections.unidentified_clients import UnidentifiedClient
from gsm_meter_bridge.families import bundled_profile, family_of
from gsm_meter_bridge.health import BridgeProblemCode, Door, Health, InternalError
from gsm_meter_bridge.model import Access, Address, Connectivity, Meter, Module, Request, TunnelConfig
from gsm_meter_bridge.model.facts import ConnectionStatus, Known, Lookalike, ModuleFacts, Spending
from gsm_meter_bridge.model.job import Job, Purpose, State, Step, Unfinished
from gsm_meter_bridge.modem import ModemStatus, StepState, StepStatus
from gsm_meter_bridge.mqtt import discovery, documents, responses
from gsm_meter_bridge.mqtt.generation import generation
from gsm_meter_bridge.mqtt.options import Discovery
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.sms import TypeOfNumber
from gsm_meter_bridge.translations import Language
from gsm_meter_bridge.vocabulary import Registration, Scalar, Secret

FOLDER = Path(__file__).parent
TOPICS = Topics("gsm_meter_modem", "home", "homeassistant", "homeassistant/status")
FORM = discovery.DiscoveryOptions(TOPICS)
AT = 1_795_262_400.0

_ENERGOMERA, _LERS = family_of("energomera_gs04"), family_of("lers_gsm_mini")
HUT = Module(
    "hut",
    "Hut",
    _ENERGOMERA,
    "+79990000101",
    Access(Secret("12345678"), bundled_profile(_ENERGOMERA, "assumed_status")),
    Connectivity(
        address=Address("10.20.30.40", 9001),
        meter=Meter(client="reader", password=Secret("meter's")),
        tunnel=TunnelConfig("127.0.0.1", 47001, ()),
    ),
)
CONNECTION = ConnectionStatus(
    connected=True,
    transport="tcp",
    since=AT,
    received=4711,
    sent=815,
    peer="10.20.30.40",
    used_by="tunnel from 127.0.0.1",
    used_at=AT + 3,
)
UNIDENTIFIED = UnidentifiedClient(
    "10.9.8.7", "lers", AT, AT + 60, 2, {"model": "LERS GSM Mini", "imei": "356945326452915"}
)
PUMP = Module("pump", "Pump house", _LERS, "+79990000201", Access(Secret("1234")))

HUT_FACTS = ModuleFacts(
    MappingProxyType(
        {
            name: Known(value, raw, "sms", AT)
            for name, value, raw in (
                ("signal_dbm", -71, "7"),
                ("signal_level", 7, "7"),
                ("registration", "home", "1"),
                ("band", "unknown", "D"),
                ("ip", "10.20.30.40", None),
                ("imei", "861234567890123", None),
                ("iccid", "8970100000000000001", None),
                ("gprs", "registered_at_cenc", "3"),
                ("sim", True, "4B"),
                ("internet", True, "4B"),
                ("tcp", True, "4B"),
                ("cenc", "registered", "2"),
                ("meter_link", "ok", "0"),
                ("firmware", "c1.0v1.4.8420.1.1.1", None),
                ("meter_type", "CE308", None),
                ("meter_serial", "000011223344556", None),
                ("mode", "client_cenc", "1"),
                ("apn", "m2m.example", None),
                ("connect_period_s", 60, None),
                ("apn_user", "", None),
                ("apn_password", "***", None),
            )
        }
        | {"energy_import_kwh": Known(4711.25, None, "tcp", AT), "radio": Known("lte", "5", "tcp", AT)}
    ),
    {"apn": "m2m.example", "connect_period_s": 300},
    AT,
    0,
    AT + 86_400,
)
PUMP_FACTS = ModuleFacts(
    missed=3,
    next_poll_at=AT + 3600,
    lookalikes=(Lookalike("79990000201", TypeOfNumber.ALPHANUMERIC, 3, AT),),
)

MODEM = ModemStatus(
    connected=True,
    ready=True,
    problem=None,
    problem_code=None,
    manufacturer="SimTel",
    model="SIM-1",
    firmware="1.0",
    imei="860000000000001",
    iccid="8970100000000000000",
    sim=SimState.READY,
    registration=Registration.HOME,
    operator="SimTel",
    signal_dbm=-77,
    sms_memory="SM",
    sms_used=1,
    sms_total=20,
    setup=(
        StepStatus("pdu_mode", "messages in PDU mode", StepState.DONE),
        StepStatus(
            "indications",
            "new messages are reported",
            StepState.LACKING,
            "AT+CNMI=2,1: +CMS ERROR 303",
            datetime.fromtimestamp(AT, UTC),
        ),
    ),
)

Document = dict[str, Any]

_SET = (
    Step(Purpose.WRITE, Request.write("apn", {"apn": "m2m.example", "apn_password": "***"})),
    Step(Purpose.READ_BACK, Request.read("apn")),
)
QUEUED = Job(
    "01935f0a3c00a1b2c3d4", "pump", "set", _SET, AT, AT + 1800, AT, transaction="01JD2Q9", before={"apn": ""}
)
NEXT = replace(QUEUED, id="01935f0a3c00a1b2c3d6", transaction="01JD2QF", created_at=AT + 30)
VERIFIED = replace(
    QUEUED,
    state=State.VERIFIED,
    step=1,
    after={"apn": "m2m.example", "apn_password": "***"},
    ended_at=AT + 40,
)
BY_NUMBER = replace(
    VERIFIED,
    id="01935f0a3c00a1b2c3d7",
    module="+79990000301",
    action="apply",
    transaction="01JD2QG",
    after={"apn": "m2m.example"},
    ad_hoc_family="lers_gsm_mini",
)
REFUSED = replace(
    QUEUED,
    state=State.REFUSED,
    error_code="rejected_by_module",
    error_message="the modem cannot carry out the command (it answered Err)",
    ended_at=AT + 20,
)
ASKED = Job(
    "01935f0a3c00a1b2c3d5",
    "hut",
    "request_status",
    (Step(Purpose.READ, Request.read("extended_status")),),
    AT,
    AT + 900,
    AT,
    transaction="01JD2QA",
    state=State.VERIFIED,
    ended_at=AT + 9,
)


_WANTED: dict[str, Scalar] = {"mode": "client_cenc", "server_host": "cenc.example", "apn_password": "secret"}

_KNOWN: dict[str, Scalar | None] = {"mode": "sms", "connect_period_s": 60}


def _health() -> Health:
    health = Health(now=lambda: AT)
    health.report(BridgeProblemCode.LISTENER_CLOSED, "listener clients", "port 9100 is taken; trying again")
    health.internal_errors, health.last = 1, InternalError(Door.MQTT, "KeyError", "mqtt/requests.py:99", AT)
    return health


def module_documents() -> tuple[Document, Document, Document]:
    """The documents of HUT, in English and in Russian, and of PUMP."""
    connected = documents.Circumstances(connection=CONNECTION)
    in_russian = replace(connected, language=Language.RU)
    waiting = documents.Circumstances(waiting=(Unfinished(NEXT, AT + 30),))
    return (
        documents.module_state(HUT, HUT_FACTS, ASKED, connected, online=True, mask=False),
        documents.module_state(HUT, HUT_FACTS, ASKED, in_russian, online=True, mask=False),
        documents.module_state(PUMP, PUMP_FACTS, REFUSED, waiting, online=False, mask=False),
    )


def examples() -> Document:
    """Every document by the name of its file."""
    hut, hut_in_russian, pump = module_documents()
    retained = {"module_energomera": hut, "module_russian": hut_in_russian, "module_lers": pump}
    discoveries = _discoveries(hut, hut_in_russian, pump)
    return {**_of_bridge(), **retained, **_EVENTS, **_REQUESTS, **_responses(hut), **discoveries}


def _of_bridge() -> Document:
    return {
        "bridge_state": documents.bridge_state(online=True),
        "bridge_info": documents.bridge_info("home", "GSM meter bridge", (HUT, PUMP)),
        "modem": documents.modem_state(
            MODEM,
            Spending(4, 31, 46, 69),
            {"unknown_sender": 1, "unmatched": 2},
            mask=True,
            price=Price(2.5, "RUB"),
        ),
        "bridge_unidentified_clients": documents.unidentified_clients((UNIDENTIFIED,), mask=False),
        "bridge_health": documents.bridge_health(_health()),
        "bridge_generation": generation("5f0c3a9be2d14760", 4711, {"90aa1c3be2d1f276": 12}),
    }


_EVENTS: Document = {
    "event": responses.command_event(VERIFIED),
    "event_rejected_command": responses.rejected_command(
        "set", "invalid_value", "apn: 'a b'; allowed: 1 to 63 characters"
    ),
}

_REQUESTS: Document = {
    "command": {"apn": "m2m.example"},
    "request_set": {
        "transaction": "01JD2Q9",
        "module": "pump",
        "apn": "m2m.example",
        "deadline": "2026-11-21T12:30:00Z",
    },
    "request_status": {"transaction": "01JD2QA", "module": "hut"},
    "request_by_number": {
        "transaction": "01JD2QG",
        "number": "+79990000301",
        "family": "lers_gsm_mini",
        "password": "4711",
        "settings": {"apn": "m2m.example"},
    },
    "request_plan": {"transaction": "01JD2QC", "module": "hut", "settings": _WANTED},
    "request_apply": {"transaction": "01JD2QD", "module": "hut", "settings": _WANTED, "confirm": True},
    "request_jobs": {"transaction": "01JD2QE"},
}


def _responses(hut: Document) -> Document:
    reported = {k: v for k, v in hut.items() if k != "last_result"}
    return {
        "response_plan": {
            "transaction": "01JD2QC",
            "status": "ok",
            **responses.plan(
                "hut", make_plan(HUT, _WANTED, {"mode": "sms", "connect_period_s": 60}), Price(2.5, "RUB")
            ),
        },
        "response_jobs": {
            "transaction": "01JD2QE",
            "status": "ok",
            **responses.jobs((Unfinished(QUEUED, AT), Unfinished(replace(ASKED, state=State.SENT), AT + 60))),
        },
        "response_accepted": responses.accepted(QUEUED),
        "response_by_number": responses.outcome(BY_NUMBER),
        "response_ok": responses.outcome(VERIFIED),
        "response_status": responses.outcome(ASKED, reported),
        "response_error": responses.outcome(REFUSED),
        "response_rejected": responses.rejected("01JD2QB", "unknown_module", "unknown module 'x'"),
    }


def _discoveries(hut: Document, hut_in_russian: Document, pump: Document) -> Document:
    essential = replace(FORM, discovery=Discovery.ESSENTIAL, language=Language.RU)
    return {
        "discovery_bridge": discovery.bridge_device(FORM, "GSM meter bridge"),
        "discovery_modem": discovery.modem_device(FORM, "stick", "GSM modem", MODEM),
        "discovery_energomera": discovery.module_device(FORM, HUT, hut),
        "discovery_lers": discovery.module_device(FORM, PUMP, pump),
        "discovery_essential": discovery.module_device(essential, HUT, hut_in_russian),
    }


def write() -> None:
    """Write every example to its file."""
    for name, document in examples().items():
        text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        (FOLDER / f"{name}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    write()
