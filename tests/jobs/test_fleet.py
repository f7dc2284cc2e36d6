"""Several bridges on one database: leases, standby, modules that belong to one of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import ConfigError, LeaseLostError
from gsm_meter_bridge.model.job import Job, State
from gsm_meter_bridge.storage import leases, registry, store
from gsm_meter_bridge.storage.leases import LEASE_S, Leases
from gsm_meter_bridge.storage.registry import Binding
from tests.support.in_memory_bridge import POLICY, START, FakeTransport, InMemoryBridge, world
from tests.support.waiting import PATIENCE_S


class _OtherBridge(Leases):
    """Leases of a process on another machine, which nobody can look at."""

    def __init__(self, w: InMemoryBridge, *names: str) -> None:
        super().__init__(w.database, names, w.now)
        self._holder = f"elsewhere/1:{id(self)}:1:x"


async def test_lease_has_one_holder_until_it_expires() -> None:
    async with world() as w:
        first, second = _OtherBridge(w, "bridge:home", "modem:stick"), _OtherBridge(w, "modem:stick")
        assert await first.try_acquire() is None
        assert await first.try_acquire() is None
        name, holder = await second.try_acquire() or ("", "")
        assert (name, holder.split(":")[0]) == ("modem:stick", "elsewhere/1")
        w.clock[0] += LEASE_S + 1
        assert await second.try_acquire() is None
        async with w.database.transaction() as tx:
            with pytest.raises(LeaseLostError, match="modem:stick: another process"):
                await first.check(tx)


async def test_lease_is_free_at_once_if_its_process_has_ended() -> None:
    async with world() as w:
        dead = subprocess.run(
            [sys.executable, "-c", "from gsm_meter_bridge.storage import leases; print(leases._myself())"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        held = _OtherBridge(w, "bridge:home")
        held._holder = dead
        await held.try_acquire()
        assert await Leases(w.database, ["bridge:home"], w.now).try_acquire() is None


async def test_lease_is_not_shared_by_two_processes_on_one_machine() -> None:
    async with world() as w:
        first, second = (Leases(w.database, ["bridge:home"], w.now) for _ in range(2))
        assert await first.try_acquire() is None
        assert await second.try_acquire() is not None
        await first.release()
        assert await second.try_acquire() is None


async def test_standby_waits_until_lease_is_released_and_takes_over() -> None:
    async with world() as w:  # no time passes by which the lease would end
        first, second = (Leases(w.database, ["bridge:home"], w.now) for _ in range(2))
        await first.acquire()
        waiting = asyncio.create_task(second.acquire())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await first.release()
        await asyncio.wait_for(waiting, PATIENCE_S)


async def test_bridge_sends_nothing_if_its_lease_is_lost(tmp_path: Path) -> None:
    async with world() as w:
        mine = Leases(w.database, ["bridge:home"], w.now)
        await mine.try_acquire()
        w.runner._leases = mine
        await w.commands.request_status("pump", CommandOptions())
        w.clock[0] += LEASE_S + 1
        assert await _OtherBridge(w, "bridge:home").try_acquire() is None
        with pytest.raises(LeaseLostError):
            await w.runner.send_next()
        assert w.radio.sent == []


async def no_changes(_: Job) -> dict[str, object]:
    """What a claim changes besides the state."""
    return {}


async def test_change_that_dead_bridge_was_sending_becomes_uncertain(tmp_path: Path) -> None:
    radio = FakeTransport(devices={})
    async with world(tmp_path / "db") as w:
        radio = w.radio
        await w.know_all()
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions())
        async with w.database.transaction() as tx:
            scope = store.ClaimScope("home", (registry.ANY,))
            await store.claim(tx, w.now(), scope, no_changes)
    radio.sent.clear()
    async with world(tmp_path / "db", radio) as standby:
        await standby.runner.recover()
        assert (await standby.job(job)).state is State.UNCERTAIN
        await standby.later(POLICY.deadline_s * 3)
        assert "1234;A=m2m" not in standby.texts("pump")


async def test_module_is_served_by_one_bridge_while_its_lease_lasts() -> None:
    async with world() as w:
        pump = w.modules["pump"]
        assert await _OtherBridge(w, leases.of_bridge("home")).try_acquire() is None
        async with w.database.transaction() as tx:
            with pytest.raises(ConfigError, match=r"pump \(\+79990000201\) is served by the bridge home"):
                await registry.register(tx, "north", [Binding(pump)], w.now())
        w.clock[0] += LEASE_S + 1
        async with w.database.transaction() as tx:
            await registry.register(tx, "north", [Binding(pump)], w.now())
        await w.commands.request_status("pump", CommandOptions())
        await w.settle()
        assert w.texts("pump") == []  # `home` no longer serves it


async def test_number_is_served_by_one_bridge_under_any_module_id() -> None:
    async with world() as w:
        await _OtherBridge(w, leases.of_bridge("home")).try_acquire()
        other = replace(w.modules["pump"], id="cellar")
        async with w.database.transaction() as tx:
            with pytest.raises(ConfigError, match="served by the bridge home"):
                await registry.register(tx, "north", [Binding(other)], START)


async def test_claim_takes_only_jobs_its_modem_can_reach() -> None:
    async with world() as w:
        bindings = [Binding(w.modules["hut"], "modem:attic"), Binding(w.modules["pump"], "group:north")]
        async with w.database.transaction() as tx:
            await registry.register(tx, "home", bindings, START)
        for module in ("hut", "pump"):
            await w.commands.request_status(module, CommandOptions())
        await w.settle()
        assert w.radio.sent == []
        w.radio.serves = (registry.ANY, "modem:attic")
        await w.settle()
        assert {name for name, _ in w.radio.sent} == {"hut"}
        w.radio.serves = (registry.ANY, "modem:cellar", "group:north")
        await w.settle()
        assert {name for name, _ in w.radio.sent} == {"hut", "pump"}
