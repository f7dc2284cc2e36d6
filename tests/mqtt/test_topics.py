"""What arrives where: told apart by all levels of a topic, whatever prefixes the user chose."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gsm_meter_bridge.mqtt.topics import ParsedTopic, TopicKind, Topics, conflict

USUAL = Topics("gsm_meter_modem", "home", "homeassistant", "homeassistant/status")
ONE_FOR_ALL = Topics("homeassistant", "home", "homeassistant", "homeassistant/status")
BELOW_REQUESTS = Topics("a", "home", "a/home/request", "a/status")
BELOW_MODULES = Topics("a", "home", "a/home/module", "a/b")
LONGER = Topics("homeassistant/device", "home", "homeassistant/devices", "homeassistant/device/status")


@pytest.mark.parametrize("topics", [USUAL, ONE_FOR_ALL, BELOW_REQUESTS, BELOW_MODULES, LONGER])
def test_topics_are_recognized_if_prefixes_overlap(topics: Topics) -> None:
    uid = topics.module_uid("pump")
    assert topics.place(topics.request("set")) == ParsedTopic(TopicKind.REQUEST, "set")
    assert topics.place(topics.request("status")) == ParsedTopic(TopicKind.REQUEST, "status")
    assert topics.place(topics.request("config")) == ParsedTopic(TopicKind.REQUEST, "config")
    assert topics.place(topics.module_set("pump")) == ParsedTopic(TopicKind.SET, "pump")
    assert topics.place(topics.module_set("config")) == ParsedTopic(TopicKind.SET, "config")
    assert topics.place(topics.status) == ParsedTopic(TopicKind.STATUS)
    assert topics.place(topics.discovery(uid)) == ParsedTopic(TopicKind.DISCOVERY, uid)
    for own in (topics.bridge_state, topics.bridge_info, topics.modem("x"), topics.module("config")):
        assert topics.place(own) == ParsedTopic(TopicKind.STATE)
    assert topics.place(topics.availability("pump")) == ParsedTopic(TopicKind.STATE)
    assert conflict(topics) is None


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "gsm_meter_modem",
        "gsm_meter_modem/home",
        "gsm_meter_modem/home/",
        "gsm_meter_modem/home/request",
        "gsm_meter_modem/home/request/set/x",
        "gsm_meter_modem/home/request/#",
        "gsm_meter_modem/home/request/s+t",
        "gsm_meter_modem/home_2/request/set",
        "gsm_meter_modem/homerequest/set",
        "x/gsm_meter_modem/home/request/set",
        "gsm_meter_modem/home/module/pump/set/x",
        "gsm_meter_modem/home/module/pump/event",
        "gsm_meter_modem/home/response/set",
        "homeassistant/status/x",
        "homeassistant/sensor/x/config",
        "homeassistant/device/x/y/config",
        "homeassistantdevice/x/config",
    ],
)
def test_topic_is_unknown_if_the_bridge_does_not_handle_it(topic: str) -> None:
    assert USUAL.place(topic) == ParsedTopic(TopicKind.UNKNOWN)


@pytest.mark.parametrize(
    ("topics", "setting"),
    [
        (Topics("a", "home", "ha", "a/home"), "status_topic"),
        (Topics("a", "home", "ha", "a/home/request/set"), "status_topic"),
        (Topics("a", "home", "ha", "a/home/module/pump/set"), "status_topic"),
        (Topics("a", "home", "ha", "a/home/bridge/state"), "status_topic"),
        (Topics("a", "home", "ha", "a/home/request/+"), "status_topic"),
        (Topics("a", "home", "ha", "ha/device/x/config"), "status_topic"),
        (Topics("ha", "device", "ha", "ha/status"), "base_topic"),
        (Topics("ha/device", "home", "ha", "ha/status"), "base_topic"),
        (Topics("ha/device/a", "home", "ha", "ha/status"), "base_topic"),
        (Topics("$SYS", "home", "ha", "ha/status"), "base_topic"),
        (Topics("a", "home", "$ha", "ha/status"), "discovery_prefix"),
        (Topics("a", "home", "ha", "$share/x"), "status_topic"),
    ],
)
def test_conflict_names_the_setting_whose_topic_cannot_work(topics: Topics, setting: str) -> None:
    found = conflict(topics)
    assert found is not None
    assert found[0] == setting


_LEVEL = st.sampled_from(["a", "home", "device", "module", "request", "set", "config", "status", "bridge"])
_TOPIC = st.lists(_LEVEL, min_size=1, max_size=4).map("/".join)


@given(_TOPIC, _LEVEL, _TOPIC, _TOPIC)
def test_topics_are_recognized_if_they_have_no_conflict(
    base: str, bridge: str, prefix: str, status: str
) -> None:
    topics = Topics(base, bridge, prefix, status)
    assume(conflict(topics) is None)
    assert topics.place(topics.request("set")) == ParsedTopic(TopicKind.REQUEST, "set")
    assert topics.place(topics.module_set("pump")) == ParsedTopic(TopicKind.SET, "pump")
    assert topics.place(topics.status).kind is TopicKind.STATUS
    uid = topics.module_uid("pump")
    assert topics.place(topics.discovery(uid)) == ParsedTopic(TopicKind.DISCOVERY, uid)
    assert topics.place(topics.bridge_state).kind is TopicKind.STATE


def test_topics_are_mapped_to_modules_and_devices_to_their_topics() -> None:
    uid = USUAL.module_uid("pump")
    for topic in (USUAL.module("pump"), USUAL.availability("pump"), USUAL.discovery(uid)):
        assert USUAL.module_behind(topic) == "pump"
    for topic in (USUAL.bridge_state, USUAL.modem("x"), USUAL.discovery(USUAL.modem_uid("x")), "x"):
        assert USUAL.module_behind(topic) is None
    assert USUAL.device_topics(uid)[1:] == (USUAL.module("pump"), USUAL.availability("pump"))
    assert USUAL.device_topics(USUAL.modem_uid("x"))[1] == USUAL.modem("x")
    for other in (
        "",
        "x",
        USUAL.bridge_uid(),
        "gmm_home_module_",
        "gmm_home_module_a/b",
        "gmm_home_2_modem_x",
    ):
        assert USUAL.device_topics(other) == ()


def test_response_topic_has_a_bounded_length() -> None:
    assert len(USUAL.response("x" * 65_000)) < 300
