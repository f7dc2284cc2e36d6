"""When a LERS GSM Mini connects: rules that overlap, wait, or never have their turn (5.2 and 5.6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.families.lers_gsm_mini import schedule
from gsm_meter_bridge.vocabulary import Scalar


def _settings(*rules: tuple[int, str], **more: Scalar) -> dict[str, Scalar | None]:
    """Rules of servers in the order of their indexes; `more` has `enabled_0` and `address_1`."""
    found: dict[str, Scalar | None] = {f"server.{n}.rule.{i}": rule for i, (n, rule) in enumerate(rules)}
    return found | {f"server.{name[-1]}.{name[:-2]}": value for name, value in more.items()}


CASES: list[tuple[list[tuple[int, str]], list[str]]] = [
    # one server: whoever starts earlier runs to its end
    ([(0, "01:00-02:00"), (0, "02:00-03:00")], []),
    (
        [(0, "01:00-03:00,30"), (0, "02:30-05:00,25")],
        ["0.rule.1 overlaps server.0.rule.0|takes over at 03:00"],
    ),
    (
        [(0, "01:00-05:00,30"), (0, "02:00-03:00,0")],
        ["0.rule.1 lies within server.0.rule.0|never has its turn"],
    ),
    (
        [(0, "01:00-05:00,30"), (0, "02:00-03:00,0"), (0, "04:00-06:00")],
        ["0.rule.1 lies within|never", "0.rule.2 overlaps server.0.rule.0|takes over at 05:00"],
    ),
    (
        [(0, "04:00-06:00"), (0, "02:00-03:00,0"), (0, "01:00-05:00,30")],
        [
            "0.rule.1 lies within server.0.rule.2|never",
            "0.rule.0 overlaps server.0.rule.2|takes over at 05:00",
        ],
    ),
    (
        [(1, "01:00-03:00"), (1, "02:00-04:00"), (1, "02:30-05:00"), (1, "03:30-04:30")],
        [
            "1.rule.1 overlaps|at 03:00",
            "1.rule.2 overlaps server.1.rule.1|at 04:00",
            "1.rule.3 lies within|never",
        ],
    ),
    ([(0, "01:00-05:00"), (0, "01:00-05:00")], ["0.rule.1 lies within server.0.rule.0|never has its turn"]),
    ([(0, "01:00-05:00"), (0, "01:00-06:00,0")], ["0.rule.1 overlaps server.0.rule.0|takes over at 05:00"]),
    # two servers: a permanent connection is there for certain
    (
        [(0, "01:00-13:00,0"), (1, "02:00-03:00,10")],
        ["1.rule.1 starts while server.0.rule.0 is|never has its turn"],
    ),
    ([(0, "01:00-13:00,0"), (1, "02:00-14:00,10")], ["1.rule.1 starts while|takes over at 13:00"]),
    (
        [(1, "01:00-13:00,0"), (0, "01:00-14:00")],
        ["1.rule.0 starts while server.0.rule.1 may be|has no turn then"],
    ),
    ([(1, "01:00-13:00,0"), (0, "01:00-14:00,0")], ["1.rule.0 starts while server.0.rule.1 is|never"]),
    ([(0, "01:00-02:00,0"), (1, "02:00-03:00")], []),
    (
        [(0, "01:00-03:00,0"), (1, "02:00-04:00,0"), (0, "03:30-05:00")],
        ["1.rule.1 starts|at 03:00", "0.rule.2 starts while server.1.rule.1 is|takes over at 04:00"],
    ),
    # two servers: others may be connected
    (
        [(0, "01:00-05:00,30"), (1, "02:00-06:00,20")],
        ["1.rule.1 starts while|may be|has its turn after 05:00"],
    ),
    ([(0, "01:00-05:00,30"), (1, "02:00-03:00,20")], ["1.rule.1 starts while|may be|has no turn then"]),
    ([(0, "01:00-05:00"), (1, "01:00-06:00")], ["1.rule.1 starts while server.0.rule.0 may be|after 05:00"]),
    # a period that is longer than its window
    ([(0, "01:00-02:00,60")], ["0.rule.0 connects once only|60 min"]),
    ([(0, "01:00-02:00,120")], ["0.rule.0 connects once only|120 min"]),
    ([(0, "01:00-02:00,59")], []),
    ([(0, "01:00-02:00"), (0, "01:30-02:30,45")], ["rule.1 overlaps|at 02:00", "rule.1 connects once only"]),
]


@pytest.mark.parametrize(
    ("rules", "remarks"), CASES, ids=[" ".join(f"{n}:{r}" for n, r in c[0]) for c in CASES]
)
def test_schedule_remarks_on_rules_that_overlap_or_never_run(
    rules: list[tuple[int, str]], remarks: list[str]
) -> None:
    message = [remark.message for remark in schedule.remarks(_settings(*rules))]
    assert len(message) == len(remarks), message
    for sentence, parts in zip(message, remarks, strict=True):
        assert all(part in sentence for part in parts.split("|")), sentence


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"enabled_0": False}, "server 0 is not enabled"),
        ({"address_0": ""}, "server 0 has no address"),
        ({"enabled_0": False, "address_0": "a.example:1"}, "server 0 is not enabled"),
    ],
)
def test_schedule_ignores_server_that_is_disabled_or_has_no_address(
    more: dict[str, Scalar], why: str
) -> None:
    settings = _settings((0, "01:00-13:00,0"), (0, "02:00-03:00"), (1, "02:00-03:00,10"), **more)
    assert schedule.remarks(settings) == []
    assert any(why in sentence for sentence in schedule.explain(settings))


@pytest.mark.parametrize("more", [{}, {"enabled_0": True}, {"address_0": "a.example:1"}])
def test_schedule_takes_server_as_active_unless_known_otherwise(more: dict[str, Scalar]) -> None:
    settings = _settings((0, "01:00-13:00,0"), (1, "02:00-03:00,10"), **more)
    assert len(schedule.remarks(settings)) == 1


def test_schedule_explains_priorities_if_there_are_rules() -> None:
    assert schedule.explain(_settings((0, "01:00-02:00")))[-1] == schedule.PRIORITIES
    assert schedule.explain({}) == [schedule.NO_RULE]


_TIMES = st.integers(0, 23 * 60 + 58)


@st.composite
def _rule(draw: st.DrawFn) -> tuple[int, str]:
    start = draw(_TIMES)
    end = draw(st.integers(start + 1, 23 * 60 + 59))
    every = draw(st.sampled_from(["", ",0", ",30"]))
    clock = [f"{t // 60:02}:{t % 60:02}" for t in (start, end)]
    return draw(st.integers(0, 1)), f"{clock[0]}-{clock[1]}{every}"


@given(st.lists(_rule(), max_size=10))
def test_schedule_runs_one_rule_of_server_at_a_time(rules: list[tuple[int, str]]) -> None:
    turns = schedule._turns(schedule._rules(_settings(*rules)))
    assert len(turns) == len(rules)
    for one in turns:
        for other in turns:
            if one is not other and one.comes and other.comes and one.rule.server == other.rule.server:
                assert not other.has(one.begin)
        # nobody waits for nobody
        assert one.begin == one.rule.start or any(one.begin == t.rule.end for t in turns)
