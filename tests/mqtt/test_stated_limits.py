"""What a broker states in CONNACK is kept."""

from __future__ import annotations

import asyncio

import pytest

from gsm_meter_bridge.health import Health
from tests.support.strict_broker import StrictBroker
from tests.support.strict_client import connected, outcome, subjects
from tests.support.waiting import PATIENCE_S, until


@pytest.mark.parametrize(
    ("stated", "most"), [({"ReceiveMaximum": 2}, 2), ({"ReceiveMaximum": 1}, 1), ({}, 20)]
)
async def test_client_keeps_the_receive_maximum_of_the_broker(
    broker: StrictBroker, stated: dict[str, int | str], most: int
) -> None:
    broker.stated, broker.answer_s = stated, 0.002
    async with connected(broker) as client:
        published = [client.publish(f"base/{n}", "{}", retain=False) for n in range(60)]
        assert all(await asyncio.wait_for(asyncio.gather(*published), PATIENCE_S))
    assert (broker.violations, len(broker.connections), len(broker.published)) == ([], 1, 60)
    assert broker.largest_in_flight == most


async def test_client_does_not_send_what_exceeds_maximum_packet_size(
    broker: StrictBroker, caplog: pytest.LogCaptureFixture
) -> None:
    broker.stated, health = {"MaximumPacketSize": 2048}, Health()
    async with connected(broker, health) as client:
        for n in range(3):
            small = client.publish(f"base/small{n}", "x" * 1900, retain=True)
            assert await outcome(client, "base/large", "x" * (3000 + n)) is False
            assert await asyncio.wait_for(small, PATIENCE_S) is True
        assert client.waits("base/large", "x" * 3002)
        problem = subjects(health)["base/large"]
        assert problem.code == "broker_limit"
        assert "the broker takes 2048" in problem.message
        # one that has become smaller goes out at once
        assert await outcome(client, "base/large", "x") is True
        assert not health.problems
    assert (broker.violations, len(broker.connections)) == ([], 1)
    assert caplog.text.count("base/large: it is 3018 bytes long and the broker takes 2048") == 1


@pytest.mark.usefixtures("hurry")
async def test_client_publishes_with_qos_0_if_maximum_qos_is_0(broker: StrictBroker) -> None:
    broker.stated, health = {"MaximumQoS": 0}, Health()
    async with connected(broker, health) as client:
        assert await outcome(client, "base/a") is True  # written, which is all that can be known
        await until(lambda: "base/a" in broker.topics())
        assert subjects(health).keys() == {"quality of service"}
    assert {p.qos for p in broker.published} == {0}
    # the will with QoS 1 was refused, the one with QoS 0 is not
    assert [c.will_qos for _, c in broker.connections] == [1, 0]
    assert broker.violations == []


@pytest.mark.usefixtures("hurry")
async def test_client_publishes_without_retain_if_it_is_not_available(broker: StrictBroker) -> None:
    broker.stated, health = {"RetainAvailable": 0}, Health()
    async with connected(broker, health) as client:
        assert await outcome(client, "base/a") is True
        assert subjects(health).keys() == {"retained messages"}
    assert [p.retain for p in broker.published] == [False]
    assert [c.will_retain for _, c in broker.connections] == [True, False]
    assert broker.violations == []


async def test_client_keeps_the_server_keep_alive(broker: StrictBroker) -> None:
    broker.stated = {"ServerKeepAlive": 1}
    async with connected(broker) as client:
        await client.wait_connected()
        await until(lambda: broker.sessions[0].pings > 1)
        assert client.connected
    assert len(broker.connections) == 1


async def test_client_keeps_stated_wildcard_alias_and_session_limits(
    broker: StrictBroker, caplog: pytest.LogCaptureFixture
) -> None:
    broker.stated = {
        "TopicAliasMaximum": 10,
        "SessionExpiryInterval": 60,
        "AssignedClientIdentifier": "another",
        "WildcardSubscriptionAvailable": 0,
    }
    health = Health()
    async with connected(broker, health) as client:
        client.subscribe("base/one")
        assert await outcome(client, "base/a") is True
        assert subjects(health).keys() == {"wildcards"}
    assert broker.sessions[0].filters == ["base/one"]
    assert not broker.published[0].aliased
    assert "away for 60 s, not for 3600 s as asked" in caplog.text


async def test_limit_is_not_reported_any_more_if_broker_no_longer_states_it(broker: StrictBroker) -> None:
    broker.stated, health = {"WildcardSubscriptionAvailable": 0}, Health()
    async with connected(broker, health) as client:
        await until(lambda: bool(health.problems))
        broker.stated = {}
        broker.sessions[0].end(0x8B)
        await until(lambda: len(broker.sessions) == 2 and client.connected)
        assert not health.problems
