"""Of what others may leave at the broker, only what is certainly ours is cleared."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.mqtt.client import Incoming
from gsm_meter_bridge.mqtt.retained import StaleDevices
from gsm_meter_bridge.mqtt.topics import TopicKind
from tests.mqtt.conftest import TOPICS


class _Broker:
    """Writes down what is published."""

    def __init__(self) -> None:
        self.published: list[str] = []

    def publish(self, topic: str, _payload: str, *, retain: bool) -> None:
        self.published.append(topic)
        assert retain


def _looked(topic: str, payload: bytes, *, retained: bool = True) -> list[str]:
    broker = _Broker()
    owned = frozenset({TOPICS.discovery(TOPICS.module_uid("pump"))})
    stale = StaleDevices(broker, TOPICS, owned)  # type: ignore[arg-type]
    message = Incoming(topic, payload, retained=retained, redelivered=False, mid=1, qos=1)
    (stale.look_at_state if TOPICS.place(topic).kind is TopicKind.STATE else stale.look)(message)
    return broker.published


_OURS = {"o": {"name": "gsm-meter-modem"}, "avty": [{"t": TOPICS.bridge_state}]}
_STALE = TOPICS.discovery(TOPICS.module_uid("old"))


def test_discovery_of_a_removed_module_is_cleared_with_its_documents() -> None:
    expected = [_STALE, TOPICS.module("old"), TOPICS.availability("old")]
    assert _looked(_STALE, json.dumps(_OURS | {"stat_t": "somebody/else"}).encode()) == expected


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (_STALE, b"[" * 60_000),
        (_STALE, b'{"o":' * 9_000),
        (_STALE, b""),
        (_STALE, b"\xff"),
        (_STALE, b"1" * 5000),
        (_STALE, b"null"),
        (_STALE, b'{"o": "gsm-meter-modem"}'),
        (_STALE, b'{"o": {"name": ["gsm-meter-modem"]}}'),
        (_STALE, b'{"o": {"name": "gsm-meter-modem"}, "avty": 7}'),
        (_STALE, b'{"o": {"name": "gsm-meter-modem"}, "avty": [[], {"t": {}}, null]}'),
        (_STALE, json.dumps(_OURS).encode().ljust(200_000)),
        (TOPICS.discovery(TOPICS.module_uid("pump")), json.dumps(_OURS).encode()),
        (TOPICS.discovery(TOPICS.bridge_uid()), json.dumps(_OURS).encode()),
        (TOPICS.discovery("somebody"), json.dumps(_OURS).encode()),
        (TOPICS.discovery("gmm_home_2_module_old"), json.dumps(_OURS).encode()),
        (TOPICS.discovery("gmm_home_module_a b"), json.dumps(_OURS).encode()),
        ("homeassistant/sensor/x/config", json.dumps(_OURS).encode()),
    ],
    ids=range(17),
)
def test_discovery_is_kept_if_it_is_in_use_or_not_certainly_of_this_bridge(
    topic: str, payload: bytes
) -> None:
    assert _looked(topic, payload) == []


@pytest.mark.parametrize("payload", [b"{}", b"null", b"\xff", b"{" * 200_000])
def test_document_of_a_device_without_discovery_is_cleared(payload: bytes) -> None:
    assert _looked(TOPICS.module("old"), payload) == [
        _STALE,
        TOPICS.module("old"),
        TOPICS.availability("old"),
    ]
    uid = TOPICS.modem_uid("old")
    state = TOPICS.modem("old")
    assert _looked(state, payload) == [TOPICS.discovery(uid), state, f"{state}/availability"]


@pytest.mark.parametrize("payload", [b'{"callers":[]}', b"null", b"\xff"])
def test_document_of_contract_1_is_cleared(payload: bytes) -> None:
    topic = f"{TOPICS.root}/bridge/callers"
    assert _looked(topic, payload) == [topic]
    assert _looked(topic, b"") == _looked(topic, payload, retained=False) == []


@pytest.mark.parametrize(
    ("topic", "payload", "retained"),
    [
        (f"{TOPICS.root}/bridge/notes_of_somebody", b"{}", True),
        (TOPICS.module("pump"), b"{}", True),
        (TOPICS.module("old"), b"", True),
        (TOPICS.module("old"), b"{}", False),
        (TOPICS.module("a b"), b"{}", True),
        (TOPICS.availability("old"), b"{}", True),
        (TOPICS.bridge_info, b"{}", True),
    ],
)
def test_document_of_anything_else_is_left_alone(topic: str, payload: bytes, retained: bool) -> None:
    assert _looked(topic, payload, retained=retained) == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
_ALIKE = st.fixed_dictionaries(
    {},
    optional={
        "o": _JSON | st.fixed_dictionaries({"name": _JSON | st.just("gsm-meter-modem")}),
        "avty": _JSON | st.lists(_JSON | st.just({"t": TOPICS.bridge_state}), max_size=3),
        "stat_t": _JSON | st.just(TOPICS.module("pump")) | st.just("somebody/else"),
    },
)
_UIDS = st.text(max_size=20) | st.sampled_from(["pump", "old", "x/y", ""]).map(TOPICS.module_uid)


@given(_UIDS, st.binary(max_size=99) | (_JSON | _ALIKE).map(lambda d: json.dumps(d).encode()))
def test_cleared_topics_are_only_those_of_a_removed_module(uid: str, payload: bytes) -> None:
    published = _looked(TOPICS.discovery(uid), payload)
    assert published in ([], [_STALE, TOPICS.module("old"), TOPICS.availability("old")])
