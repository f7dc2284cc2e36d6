"""Why a connection ended, what that is blamed on, when the next one is tried: the pure parts, as tables."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from gsm_meter_bridge.health import BridgeProblemCode, Health
from gsm_meter_bridge.mqtt.endings import Backoff, Ending, Stage, Versions, judge
from gsm_meter_bridge.mqtt.limits import BrokerLimits, publish_size
from gsm_meter_bridge.mqtt.outbox import Outbox, OutgoingPacket
from gsm_meter_bridge.mqtt.refusals import Refusals
from gsm_meter_bridge.mqtt.suspects import Key, Suspects
from tests.support import mqtt_packets

AWAY = Ending(Stage.UNREACHED, "[Errno 111] Connection refused")
SILENT = Ending(Stage.UNANSWERED, "no answer", silent=True)
CLOSED = Ending(Stage.UNANSWERED, "closed")
OLD = Ending(Stage.REFUSED, "Unsupported protocol version", 0x84)


def _ended(code: int | None = None, lasted_s: float = 1.0, *topics: str) -> Ending:
    return Ending(Stage.ACCEPTED, "words", code, lasted_s=lasted_s, in_flight=topics)


@pytest.mark.parametrize(
    ("ending", "before", "message", "rarest_s", "lasting", "blames"),
    [
        (AWAY, 0, "no connection to the broker: [Errno 111]", 15, True, False),
        (
            CLOSED,
            0,
            "takes the connection but ends it without an answer; is this the TLS port?",
            60,
            True,
            False,
        ),
        (SILENT, 0, "takes the connection but does not answer; is this the TLS port?", 60, True, False),
        (OLD, 0, "the broker refuses the connection: Unsupported", 300, True, False),
        (
            Ending(Stage.REFUSED, "Not authorized", 0x87),
            0,
            "the broker refuses the connection: Not authorized; look at mqtt: username and password",
            300,
            True,
            False,
        ),
        (
            Ending(Stage.REFUSED, "Server busy", 0x89),
            0,
            "refuses the connection: Server busy",
            60,
            True,
            False,
        ),
        (_ended(0x8E), 0, "another client uses the id gsm-x: is a second bridge running?", 300, True, False),
        (_ended(0x8E, 500.0), 0, "another client uses the id gsm-x", 300, True, False),
        # an ordinary loss is no lasting problem, the second one soon after is
        (_ended(), 0, "the connection to the broker is lost: words", 300, False, False),
        (_ended(), 1, "the connection to the broker is lost: words", 300, True, False),
        (_ended(None, 500.0, "a/b"), 0, "is lost: words", 300, False, False),
        # again and again without a reason and with nothing under way: 3.1.1 knows no more
        (
            _ended(),
            2,
            "end soon after they began; perhaps another client uses the id gsm-x",
            300,
            True,
            False,
        ),
        (_ended(None, 1.0, "a/b"), 0, "is lost: words; under way: a/b", 300, False, True),
        (_ended(None, 1.0, "a/b"), 1, "is lost: words; under way: a/b", 300, True, True),
        (
            _ended(None, 1.0, "a"),
            2,
            "under way: a; it is because of that, or another client uses",
            300,
            True,
            True,
        ),
        (_ended(None, 1.0, "a/b", "c"), 0, "under way: a/b and 1 more", 300, False, True),
        (_ended(0x87, 1.0, "a/b"), 0, "under way: a/b", 300, True, True),
        (_ended(0x95, 500.0, "a/b"), 0, "under way: a/b", 300, False, True),
        (_ended(0x93, 1.0, "a/b"), 0, "under way: a/b", 300, True, True),
        # of these no message is to blame
        (_ended(0x8B, 1.0, "a/b"), 0, "is lost: words", 60, False, False),
        (_ended(0x8D, 1.0, "a/b"), 0, "is lost: words", 300, False, False),
        (_ended(0x98, 1.0, "a/b"), 3, "is lost: words", 300, True, False),
        (Ending(Stage.ACCEPTED, "too many", ours=True), 0, "we ended the connection", 300, True, False),
    ],
)
def test_verdict_depends_on_how_the_connection_ended(
    ending: Ending, before: int, message: str, rarest_s: float, lasting: bool, blames: bool
) -> None:
    verdict = judge(ending, "gsm-x", tls=False, before=before)
    assert message in verdict.message
    assert (verdict.rarest_s, verdict.lasting, verdict.blames) == (rarest_s, lasting, blames)


def test_verdict_names_the_client_certificate_if_tls_is_used() -> None:
    assert "client's certificate" in judge(CLOSED, "x", tls=True, before=0).message


@pytest.mark.parametrize(
    ("endings", "delays"),
    [
        ([_ended()] * 10, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]),
        ([CLOSED] * 8, [1, 2, 4, 8, 16, 32, 60, 60]),
        ([AWAY] * 6, [1, 2, 4, 8, 15, 15]),
        # one that lasted begins anew
        ([_ended(), _ended(), _ended(None, 61.0), _ended()], [1, 2, 1, 2]),
        # unless it lasted no longer than the other side waits (256 s): then it is part of the quarrel
        ([*[_ended(0x8E)] * 8, _ended(0x8E, 200.0)], [1, 2, 4, 8, 16, 32, 64, 128, 256]),
        ([*[_ended(0x8E)] * 8, _ended(0x8E, 260.0)], [1, 2, 4, 8, 16, 32, 64, 128, 1]),
        # a broker that was away has restarted
        ([_ended(), _ended(), _ended(), AWAY, _ended()], [1, 2, 4, 1, 1]),
        ([AWAY, AWAY, _ended(), AWAY], [1, 2, 1, 1]),
    ],
)
def test_backoff_doubles_and_restarts_after_a_lasting_connection(
    endings: list[Ending], delays: list[float]
) -> None:
    backoff = Backoff()
    text = [backoff.after(e, judge(e, "x", tls=False, before=0).rarest_s) for e in endings]
    assert text == delays


def test_backoff_allows_at_most_six_connections_in_the_first_20_s() -> None:
    backoff, at, count = Backoff(), 0.0, 0
    while at <= 20.0:
        count, at = count + 1, at + backoff.after(_ended(0x87), 300.0)
    assert count <= 6


@pytest.mark.parametrize(
    ("protocol", "endings", "versions"),
    [
        ("auto", [OLD, AWAY, _ended(), CLOSED], ["5", "3.1.1", "3.1.1", "3.1.1", "3.1.1"]),
        ("auto", [SILENT, SILENT, SILENT], ["5", "3.1.1", "5", "3.1.1"]),
        ("auto", [CLOSED, CLOSED, CLOSED, CLOSED, CLOSED], ["5", "5", "3.1.1", "5", "5", "3.1.1"]),
        # a broker that is just starting closes, too; whoever let us in with 3.1.1 is asked again
        ("auto", [CLOSED, AWAY, CLOSED, _ended()], ["5", "5", "5", "5", "5"]),
        ("auto", [CLOSED, CLOSED, _ended()], ["5", "5", "3.1.1", "5"]),
        ("auto", [AWAY, _ended(), Ending(Stage.REFUSED, "Not authorized", 0x87)], ["5"] * 4),
        ("5", [OLD, SILENT, CLOSED, CLOSED], ["5"] * 5),
        ("3.1.1", [OLD, SILENT, CLOSED], ["3.1.1"] * 4),
    ],
)
def test_mqtt_version_is_chosen_by_how_connections_ended(
    protocol: str, endings: list[Ending], versions: list[str]
) -> None:
    tried = Versions(protocol)
    seen = [tried.current]
    for ending in endings:
        tried.ended(ending)
        seen.append(tried.current)
    assert seen == versions


def _publish(topic: str) -> Key:
    return Key("publish", topic)


DISC_A, DISC_B = "homeassistant/device/a/config", "homeassistant/device/b/config"


@pytest.mark.parametrize(
    ("passed", "ends", "guilty"),
    [
        ([], [["a/b", "a/c"]], [None]),
        ([], [["a/b"], ["a/b"]], [None, "a/b"]),
        # what is struck twice is guilty even where its neighbours pass
        (["a/x"], [["a/b"], ["a/b"]], [None, "a/b"]),
        # two below something where nothing ever passed: all of it
        (["base/home/state"], [[DISC_A], [DISC_B]], [None, "homeassistant/device/#"]),
        (["homeassistant/device/c/config"], [[DISC_A], [DISC_B]], [None, None]),
        ([], [["a/b"], ["c/d"]], [None, None]),
        # once a group is guilty, one more of it is enough
        (
            [],
            [[DISC_A], [DISC_B], ["homeassistant/device/x/config"]],
            [None, *["homeassistant/device/#"] * 2],
        ),
    ],
)
def test_suspects_blame_a_topic_or_group_if_broker_gives_a_reason_twice(
    passed: list[str], ends: list[list[str]], guilty: list[str | None]
) -> None:
    suspects = Suspects()
    for topic in passed:
        suspects.passed(_publish(topic))
    found = [suspects.ended([_publish(t) for t in topics], has_code=True) for topics in ends]
    assert [key and key.topic for key in found] == guilty


@pytest.mark.parametrize(
    ("passed", "ends", "at_most"),
    [
        (1000, [("a", 3000)], None),
        (1000, [("a", 3000), ("a", 3000)], None),
        (1000, [("a", 3000), ("b", 2500)], 2048),
        (1000, [("a", 3000), ("b", 2048)], 1024),
        (2048, [("a", 3000), ("b", 2049)], 2048),
        (2100, [("a", 3000), ("b", 2500)], 2499),
        # something as large has passed: it is not their size
        (2500, [("a", 3000), ("b", 2500)], None),
        (3000, [("a", 3000), ("b", 2500)], None),
    ],
)
@pytest.mark.parametrize("reported", [True, False])
def test_suspects_learn_a_size_limit_if_large_packets_end_connections(
    passed: int, ends: list[tuple[str, int]], at_most: int | None, reported: bool
) -> None:
    suspects = Suspects()
    suspects.passed(_publish("x"), passed)
    for topic, size in ends:
        suspects.ended([_publish(topic)], has_code=reported, size=size)
    assert suspects.bytes_at_most == at_most


def test_suspects_blame_a_topic_after_three_endings_in_a_row_without_reason() -> None:
    suspects = Suspects()
    suspects.passed(_publish("x"))
    for topic, guilty in (("a", False), ("a", False), ("b", False), ("a", False), ("a", False), ("a", True)):
        assert bool(suspects.ended([_publish(topic)], has_code=False)) is guilty
    suspects.broker_was_away()
    assert suspects.ended([_publish("a")], has_code=False) is None


def test_suspects_clear_a_group_if_its_topics_pass() -> None:
    suspects = Suspects()
    for topic in (DISC_A, DISC_B):
        suspects.ended([_publish(topic)], has_code=True)
    assert suspects.is_doubtful(_publish("homeassistant/device/x/config"))
    assert not suspects.is_doubtful(Key("subscribe", "homeassistant/device/+/config"))
    for topic in (DISC_A, DISC_B):
        suspects.passed(_publish(topic))
    assert not suspects


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("length", [0, 1, 110, 111, 127, 128, 16_000, 16_369, 16_370, 16_383, 100_000])
def test_publish_size_equals_the_length_of_the_packet(qos: int, length: int) -> None:
    written = mqtt_packets.publish(5, "a/é", b"x" * length, qos, 7)
    assert publish_size("a/é", "x" * length, qos) == len(written)
    assert BrokerLimits(packet_bytes=len(written), maximum_qos=qos).takes("a/é", "x" * length) is None
    refused = BrokerLimits(packet_bytes=len(written) - 1, maximum_qos=qos).takes("a/é", "x" * length)
    assert refused is not None
    assert f"{len(written)} bytes" in refused


@pytest.mark.parametrize(
    ("stated", "window", "qos", "reported"),
    [
        ({}, 20, 1, set()),
        ({"ReceiveMaximum": 3}, 3, 1, set()),
        ({"ReceiveMaximum": 1000}, 20, 1, set()),
        ({"MaximumQoS": 1}, 20, 1, set()),
        ({"MaximumQoS": 0}, 20, 0, {"quality of service"}),
        ({"RetainAvailable": 0}, 20, 1, {"retained messages"}),
        ({"WildcardSubscriptionAvailable": 0}, 20, 1, {"wildcards"}),
        ({"TopicAliasMaximum": 0, "ServerKeepAlive": 7, "SessionExpiryInterval": 5}, 20, 1, set()),
    ],
)
def test_limits_are_read_from_connack_properties(
    stated: dict[str, int], window: int, qos: int, reported: set[str]
) -> None:
    limits = BrokerLimits.of(SimpleNamespace(**stated))
    assert (limits.window, limits.qos) == (window, qos)
    assert {subject for subject, message in limits.texts().items() if message} == reported


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_refusals_are_retried_with_growing_delays_and_reported_until_over() -> None:
    health, clock = Health(), _Clock()
    refusals, key = Refusals(health, clock), _publish("a/b")
    for delay_s in (15, 30, 60, 120, 240, 480, 900, 900):
        refusals.note(key, BridgeProblemCode.BROKER_DENIED, "no")
        assert refusals.waits(key)
        assert not refusals.harms(key)
        assert refusals.due("publish") == ()
        clock.now += delay_s
        assert not refusals.waits(key)
        assert refusals.due("publish") == ("a/b",)
    assert [(p.code, p.subject, p.message) for p in health.problems] == [("broker_denied", "a/b", "no")]
    refusals.over(key)
    assert health.problems == ()
    assert refusals.due("publish") == ()


def test_refused_payload_does_not_block_another_of_its_topic() -> None:
    refusals, key = Refusals(Health(), _Clock()), _publish("a/b")
    refusals.note(key, BridgeProblemCode.BROKER_LIMIT, "too large", payload="x" * 9)
    assert refusals.waits(key, "x" * 9)
    assert not refusals.waits(key, "x")


def test_refused_group_covers_its_topics_until_one_passes() -> None:
    health = Health()
    refusals = Refusals(health, _Clock())
    refusals.note(_publish("a/b/#"), BridgeProblemCode.BROKER_DENIED, "no", harmful=True)
    assert refusals.harms(_publish("a/b/c/d"))
    assert not refusals.harms(_publish("a/c"))
    assert not refusals.harms(Key("subscribe", "a/b/c/d"))
    refusals.over(_publish("a/b/x"))
    assert not refusals.harms(_publish("a/b/c/d"))
    assert health.problems == ()


def test_health_names_ten_refused_topics_and_sums_up_the_others() -> None:
    health = Health()
    refusals = Refusals(health, _Clock())
    keys = [_publish(f"a/{n}") for n in range(1000)]
    for key in keys:
        refusals.note(key, BridgeProblemCode.BROKER_DENIED, "no")
    assert [p.subject for p in health.problems] == [*(f"a/{n}" for n in range(10)), "other topics"]
    for key in keys:
        refusals.over(key)
    assert health.problems == ()


async def test_outbox_sends_the_latest_retained_value_and_suspects_alone() -> None:
    loop = asyncio.get_running_loop()

    def outgoing(topic: str, payload: str = "", *, retain: bool = False) -> OutgoingPacket:
        return OutgoingPacket(_publish(topic), loop.create_future(), payload, retain)

    box = Outbox()
    old, new = outgoing("a", "1", retain=True), outgoing("a", "2", retain=True)
    for added in (old, outgoing("event"), outgoing("event"), new, outgoing("b", retain=True)):
        box.add(added)
    sent: list[str] = []
    while (one := box.next(3)) is not None:
        box.sent(len(sent), one, 0.0)
        sent.append(one.key.topic)
    assert sent == ["a", "event", "event"]  # the older value of `a` is worth nothing any more
    taken = box.answered(0)
    assert taken is new
    new.end(taken=True)
    await asyncio.sleep(0)
    assert old.done.result() is True
    # an event was alone under way when a connection ended: it comes last, and alone
    box.suspects.ended([_publish("event")], has_code=True)
    box.connection_ended()
    one = box.next(3)
    assert one is not None
    assert one.key.topic == "b"
    box.sent(9, one, 0.0)
    assert box.next(3) is None
    box.answered(9)
    one = box.next(3)
    assert one is not None
    assert one.key.topic == "event"
    box.sent(10, one, 0.0)
    box.add(outgoing("c"))
    assert box.next(3) is None
