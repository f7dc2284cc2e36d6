"""Which parts make one message: the table of cases, and what must hold for any parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from gsm_meter_bridge.sms import SmsDeliver, TypeOfNumber, UserData
from gsm_meter_bridge.sms.user_data import Alphabet, Concatenation
from gsm_meter_bridge.storage import parts, schema
from gsm_meter_bridge.storage.parts import LONGEST_S, Part, group, is_whole
from tests.support.in_memory_bridge import PUMP, START, world
from tests.support.pdus import delivers, number

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR_S = 3600.0
Shape = tuple[str, int, float | None]


@dataclass(frozen=True)
class _Sent:
    """One part as it was sent; `sent_s` and `received_s` are seconds after AT."""

    number: int
    text: str
    sequence: int
    sent_s: float | None
    total: int = 2
    received_s: float = 0.0
    reference: int = 7
    wide: bool = False
    sender: str = "+79990000201"
    modem: str = "stick"
    smsc: str | None = None
    form: tuple[int, int] = (0, 0)

    @property
    def part(self) -> Part:
        link = Concatenation(self.reference, self.total, self.sequence, self.wide)
        data = UserData(Alphabet.GSM7, self.text, self.text.encode(), link, (), 0)
        at = None if self.sent_s is None else AT + timedelta(seconds=self.sent_s)
        sms = SmsDeliver(
            self.smsc,
            self.sender,
            *self.form,
            at,
            data,
            tp_mms=False,
            status_report_indication=False,
            tp_oa_type=TypeOfNumber.INTERNATIONAL,
        )
        return Part(self.number, self.modem, AT.timestamp() + self.received_s, sms)


def _part(*shape: Any, **more: Any) -> Part:
    return _Sent(*shape, **more).part


def _texts(parts: list[Part]) -> list[str]:
    """The messages as texts; `?` stands after one that is not whole."""
    found = []
    for message in group(parts):
        by_sequence = {p.sequence: p.sms.user_data.text or "" for p in message}
        found.append(
            "".join(by_sequence[n] for n in sorted(by_sequence)) + ("" if is_whole(message) else "?")
        )
    return found


@pytest.mark.parametrize(
    ("shapes", "texts"),
    [
        # text, number of the part, when the service centre had it
        ([("a", 1, 0), ("b", 2, 4)], ["ab"]),
        ([("b", 2, 4), ("a", 1, 0)], ["ab"]),
        ([("a", 1, 5), ("b", 2, 0)], ["ab"]),
        ([("a", 1, 0), ("b", 2, 120)], ["ab"]),
        ([("a", 1, 0), ("b", 2, LONGEST_S)], ["ab"]),
        ([("a", 1, 0), ("b", 2, LONGEST_S + 1)], ["a?", "b?"]),
        ([("a", 1, 0), ("B", 2, 6 * HOUR_S)], ["a?", "B?"]),
        # an older one that lost a part, then a whole one with the same reference
        ([("a", 1, 0), ("A", 1, HOUR_S), ("B", 2, HOUR_S + 3)], ["a?", "AB"]),
        ([("b", 2, 0), ("A", 1, HOUR_S), ("B", 2, HOUR_S + 3)], ["b?", "AB"]),
        ([("A", 1, HOUR_S), ("B", 2, HOUR_S + 3), ("b", 2, 0), ("a", 1, 0)], ["AB", "ab"]),
        # two within a minute, by a module that has one reference only
        ([("a", 1, 0), ("b", 2, 2), ("A", 1, 60), ("B", 2, 62)], ["ab", "AB"]),
        ([("A", 1, 60), ("a", 1, 0), ("B", 2, 62), ("b", 2, 2)], ["AB", "ab"]),
        ([("a", 1, 0), ("A", 1, 60), ("B", 2, 62)], ["a?", "AB"]),
        ([("a", 1, 0), ("b", 2, 2), ("B", 2, 62)], ["ab", "B?"]),
        # an older one that lost its first part: later parts do not come a minute before earlier ones
        ([("b", 2, 0), ("A", 1, 60)], ["b?", "A?"]),
        ([("b", 2, 0), ("A", 1, 60), ("B", 2, 61)], ["b?", "AB"]),
        ([("b", 2, 30), ("a", 1, 0), ("A", 1, 90), ("B", 2, 91)], ["ab", "AB"]),
        # brought twice by the network
        ([("a", 1, 0), ("a", 1, 0), ("b", 2, 2)], ["ab"]),
        ([("a", 1, 0), ("b", 2, 2), ("a", 1, 0), ("b", 2, 2)], ["ab"]),
        # the same words again are another message
        ([("a", 1, 0), ("b", 2, 2), ("a", 1, 60), ("b", 2, 62)], ["ab", "ab"]),
        # a service centre that gives no time: then only when they reached us counts
        ([("a", 1, None), ("b", 2, None)], ["ab"]),
        ([("a", 1, None), ("b", 2, 0)], ["a?", "b?"]),
    ],
)
def test_group_joins_parts_by_sequence_and_time(shapes: list[Shape], texts: list[str]) -> None:
    assert _texts([_part(n, *shape) for n, shape in enumerate(shapes)]) == texts


def test_group_prefers_same_service_centre_without_requiring_it() -> None:
    one, other = "+79990000001", "+79990000002"
    begun = [_part(1, "a", 1, 0, smsc=one), _part(2, "A", 1, 60, smsc=other)]
    assert _texts([*begun, _part(3, "b", 2, 62, smsc=one)]) == ["ab", "A?"]
    assert _texts([*begun, _part(3, "B", 2, 62, smsc=other)]) == ["a?", "AB"]
    assert _texts([*begun, _part(3, "B", 2, 62, smsc="+79990000003")]) == ["a?", "AB"]
    assert _texts([begun[0], _part(3, "b", 2, 2, smsc=other)]) == ["ab"]


def test_group_joins_part_delivered_a_day_late() -> None:
    late = _part(9, "b", 2, 3, received_s=24 * HOUR_S)
    assert _texts([_part(1, "a", 1, 0), late]) == ["ab"]


def test_group_does_not_join_untimed_parts_received_a_day_apart() -> None:
    late = _part(9, "b", 2, None, received_s=24 * HOUR_S)
    assert _texts([_part(1, "a", 1, None), late]) == ["a?", "b?"]


def test_group_joins_part_stamped_in_other_time_zone() -> None:
    there = _part(2, "b", 2, 3)
    assert there.sms.tp_scts is not None
    moved = there.sms.tp_scts.astimezone(timezone(timedelta(hours=-11)))
    there = replace(there, sms=replace(there.sms, tp_scts=moved))
    assert _texts([_part(1, "a", 1, 0), there]) == ["ab"]


def test_group_joins_many_parts_sent_slowly() -> None:
    parts = [_part(n, chr(96 + n), n, 30.0 * (n - 1), total=9) for n in range(1, 10)]
    assert _texts(parts[::-1]) == ["abcdefghi"]


@pytest.mark.parametrize(
    "other",
    [
        {"sender": "+79990000101"},
        {"modem": "spare"},
        {"reference": 8},
        {"wide": True},
        {"total": 3},
        {"form": (1, 0)},
        {"form": (0, 8)},
    ],
)
def test_group_does_not_join_parts_of_other_messages(other: dict[str, object]) -> None:
    parts = [_part(1, "a", 1, 0), _part(2, "b", 2, 1, **other)]
    assert _texts(parts) == ["a?", "b?"]


async def test_long_reply_is_not_joined_with_part_of_older_one() -> None:
    """The older one lost a part; the sender uses its references again."""
    async with world() as w:
        sender, then = number(PUMP.removeprefix("+"), 0x91), START - HOUR_S
        old, new = (
            delivers(sender, letter * 200, at, reference=5) for letter, at in (("o", then), ("n", START))
        )
        await w.receiver.store("test", old[0])
        await w.receiver.process_inbox()
        for late in (False, True):
            await w.receiver.store("test", *(old[1:] if late else new))
            await w.receiver.process_inbox()
            async with w.database.transaction() as tx:
                rows = (await tx.execute(select(schema.messages))).all()
            messages = {row.scts for row in rows if row.disposition == "unmatched"}
            assert messages == ({then, START} if late else {START})
            assert [row.disposition for row in rows].count("new") == int(not late)


_ANY = st.tuples(
    st.integers(1, 3),
    st.one_of(st.none(), st.integers(0, 2000)),
    st.integers(0, 100_000),
    st.sampled_from("ab"),
)


@given(st.lists(_ANY, max_size=12))
def test_group_puts_each_part_into_one_consistent_message(
    shapes: list[tuple[int, int | None, int, str]],
) -> None:
    parts = [
        _part(n, text, sequence, sent_s, total=3, received_s=received_s)
        for n, (sequence, sent_s, received_s, text) in enumerate(shapes)
    ]
    messages = group(parts)
    assert sorted(p.number for message in messages for p in message) == list(range(len(parts)))
    for message in messages:
        assert max(p.at for p in message) - min(p.at for p in message) <= LONGEST_S
        by_sequence = {(p.sequence, p.at, p.sms.user_data.text) for p in message}
        assert len(by_sequence) == len({p.sequence for p in message})
        assert len({p.sms.tp_scts is None for p in message}) == 1


@pytest.mark.parametrize("sequences", [1, 255])
def test_group_compares_each_part_of_flood_with_few_messages(
    sequences: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has a module's number can send them; all are looked at again for each message that comes."""
    compared, really = [], parts._fits

    def fits(part: Part, message: list[Part]) -> bool:
        compared.append(part)
        return really(part, message)

    monkeypatch.setattr(parts, "_fits", fits)
    flood = [_part(n, f"{n}", 1 + n % sequences, n * 0.01, total=255) for n in range(500)]
    assert sum(len(message) for message in group(flood)) == len(flood)
    assert len(compared) <= 32 * len(flood)


def test_group_joins_part_of_flood_with_its_duplicate() -> None:
    flood = [_part(n, f"{n}", 1, n * 0.01) for n in range(100)]
    again = _part(100, "0", 1, 0.0)
    assert [m for m in group([*flood, again]) if len(m) > 1] == [[flood[0], again]]
