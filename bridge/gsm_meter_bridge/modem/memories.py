"""Which memory a modem reads from and which it fills, and how these are set (TS 27.005 clause 3.2.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gsm_meter_bridge.at.responses import parse_cpms_query
from gsm_meter_bridge.errors import CommandFailedError, UnansweredError
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.modem.questions import Questions


def forms_to_read(memory: str, current: Sequence[str]) -> Iterator[str]:
    """Yield the values of AT+CPMS= that make `memory` mem1 and keep the others.

    Some modems accept one memory only, some two, some nothing but all three.
    """
    for many in range(1, max(len(current), 1) + 1):
        yield _value((memory, *current[1:many]))


def forms_to_use(memory: str, current: Sequence[str]) -> Iterator[str]:
    """Yield the values of AT+CPMS= that make `memory` as many of the three as possible, all three first."""
    for many in range(len(current) if len(current) == 2 else 3, 0, -1):
        yield _value((memory,) * many)


def forms_to_write(memory: str, current: Sequence[str]) -> Iterator[str]:
    """Yield the values of AT+CPMS= that make `memory` mem1 and mem2 and keep mem3."""
    yield _value((memory, memory))
    yield _value((memory, memory, *current[2:]))


def _value(memories: Sequence[str]) -> str:
    return ",".join(f'"{memory}"' for memory in memories)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The memories in force.

    `current` are mem1, mem2 and mem3 as far as the modem has them; `wanted` is the configured one.
    """

    current: tuple[str, ...]
    wanted: str | None = None

    @property
    def to_sweep(self) -> tuple[str, ...]:
        """Where messages may be: first the memory that received messages are stored in."""
        others = () if self.wanted is None or self.wanted not in self.current else (self.wanted,)
        return tuple(dict.fromkeys((*self.current[-1:], *others)))

    @property
    def not_reached(self) -> str | None:
        """Why received messages do not go to the configured memory; None if they do, or none is set."""
        if self.wanted in (None, *self.current[-1:]):
            return None
        return (
            f"the modem does not take {self.wanted} for what is received, which comes into {self.current[-1]}"
        )


async def choose(questions: Questions, wanted: str | None) -> Chosen | None:
    """Make a `wanted` memory the one for reading, writing and receiving, or keep the modem's own choice.

    Memories already in force are not set again. Return None if the modem has no choice of memories, or not
    yet.
    """
    current = await _in_force(questions)
    if wanted is not None and any(name != wanted for name in current or ("",)):
        for form in forms_to_use(wanted, current):
            if await questions.set(f"AT+CPMS={form}"):
                current = await _in_force(questions) or (wanted,)
                break
    return Chosen(current, wanted) if current else None


async def _in_force(questions: Questions) -> tuple[str, ...]:
    found = await questions.ask("AT+CPMS?", parse_cpms_query)
    return tuple(memory.name for memory in found or ())


async def select(engine: AtEngine, memory: str, current: Sequence[str]) -> tuple[str, ...]:
    """Make `memory` mem1 unless it is, and return the memories then in force.

    CommandFailedError, UnansweredError if the modem accepts no form of the command.
    """
    if not current or current[0] == memory:
        return tuple(current)
    await put(engine, forms_to_read(memory, current))
    return (memory, *current[1:])


async def put(engine: AtEngine, forms: Iterable[str]) -> None:
    """Set the first value of AT+CPMS= that the modem accepts.

    CommandFailedError, UnansweredError if it accepts none.
    """
    *others, last = forms
    for form in others:
        with suppress(CommandFailedError, UnansweredError):
            await engine.ask(f"AT+CPMS={form}")
            return
    await engine.ask(f"AT+CPMS={last}")
