"""Which indications are chosen from what a modem says it takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.at.indications import indication_choices, parse_cnmi_test, reports_are_routed
from gsm_meter_bridge.errors import DecodeError

MODEMS = {
    "SIM7600": ("(0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)", "2,1,0,2,0", "2,1,0,1,0"),
    "EC25": ("(0-2),(0-3),(0,2),(0-2),(0,1)", "2,1,0,2,0", "2,1,0,1,0"),
    "Cinterion": ("(0-3),(0,1),(0,2,3),(0-2),(1)", "2,1,0,2,1", "2,1,0,1,1"),
    "SIM800": ("(0-3),(0-3),(0,2,3),(0,1),(0,1)", "2,1,0,1,0", "2,1,0,1,0"),
    "no reports": ("(0-2),(0-3),(0,2,3),(0),(0,1)", "2,1,0,0,0", "2,1,0,0,0"),
    "mode 1 only": ("(0,1),(0,1),(0,2),(0,2),(0,1)", "1,1,0,2,0", "1,1,0,0,0"),
    "mode 3 only": ("(3),(0,1),(0),(0,1),(0)", "3,1,0,1,0", "3,1,0,1,0"),
    "broadcasts cannot be left out": ("(0-2),(0-3),(2,3),(0-2),(0,1)", "2,1,2,2,0", "2,1,2,1,0"),
    "messages routed or not told": ("(0-2),(0,2),(0,2),(0-2),(0,1)", "2,0,0,2,0", "2,0,0,1,0"),
    "empty lists": ("(0-2),(0-3),(),(),()", "2,1,0,2,0", "2,1,0,1,0"),
    "reports of another kind": ("(0-2),(0-3),(0),(3),(0)", "2,1,0,0,0", "2,1,0,0,0"),
    "another mode": ("(0),(0-3),(0),(0),(0)", "3,1,0,0,0", "3,1,0,0,0"),
    "buffer of another kind": ("(0-2),(0-3),(0),(0),(2)", "2,1,0,0,1", "2,1,0,0,1"),
    "six": ("(0-2),(0-3),(0),(0),(0),(7)", "2,1,0,0,0", "2,1,0,0,0"),
    "four": ("(0-2),(0-3),(0,2),(0-2)", "2,1,0,2", "2,1,0,1"),
    "two": ("(0-2),(0-3)", "2,1", "2,1"),
    "no brackets": ("(1,2),(0-3),(0,2,3),(0-2),1", "2,1,0,2,1", "2,1,0,1,1"),
    "doubled brackets": ("((0-2),(0-3),(0,2),(0-2),(0,1))", "2,1,0,2,0", "2,1,0,1,0"),
    "doubled brackets, one left open": ("((0-2),(0-3),(0,2),(0-2),(0,1)", "2,1,0,2,0", "2,1,0,1,0"),
    "spaces": (" ( 0 - 2 ) , (0, 1) , ( 0 ) , ( 0 , 2 ) , ( 1 )", "2,1,0,2,1", "2,1,0,0,1"),
}


@pytest.mark.parametrize(("listed", "best", "routed"), MODEMS.values(), ids=MODEMS)
def test_indication_choice_is_made_from_what_modem_lists(listed: str, best: str, routed: str) -> None:
    supported = parse_cnmi_test((f"+CNMI: {listed}",))
    assert indication_choices(supported)[0] == best
    assert indication_choices(supported, store_reports=False)[0] == routed


def test_indication_choices_ask_for_less_and_less() -> None:
    choices = indication_choices(parse_cnmi_test(("+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)",)))
    assert choices[:6] == ("2,1,0,2,0", "2,1,0,1,0", "2,1,0,0,0", "2,1,0,2,1", "2,1,0,1,1", "2,1,0,0,1")
    assert choices[6] == "1,1,0,2,0"
    assert choices[-2:] == ("2,1", "1,1")
    assert len(set(choices)) == len(choices)


def test_indication_choices_have_defaults_if_modem_lists_nothing() -> None:
    assert indication_choices(None)[:2] == ("2,1,0,2,0", "2,1,0,1,0")
    assert indication_choices(None, store_reports=False)[0] == "2,1,0,1,0"
    assert "2,1" in indication_choices(None, store_reports=False)


@pytest.mark.parametrize(
    "line",
    [
        "+CNMI: ",
        "+CNMI: (0-2)",
        "+CNMI: (),()",
        "+CNMI: (),(1)",
        "+CNMI: (1),()",
        "+CNMI: x,y",
        "+CNMI: (0-2,1)",
        "+CNM: (0),(0)",
    ],
)
def test_unusable_indication_list_raises_decode_error(line: str) -> None:
    with pytest.raises(DecodeError):
        parse_cnmi_test((line,))


def some(*numbers: int) -> st.SearchStrategy[frozenset[int]]:
    return st.frozensets(st.sampled_from(numbers), min_size=1)


@given(
    some(1, 2, 3),
    some(0, 1),
    st.tuples(some(0, 1, 2, 3), some(0, 1), some(0, 1)),
    st.integers(0, 3),
    st.booleans(),
)
def test_indication_choices_use_only_listed_numbers(
    modes: frozenset[int],
    messages: frozenset[int],
    rest: tuple[frozenset[int], ...],
    places: int,
    store: bool,
) -> None:
    supported = (modes, messages, *rest[:places])
    for choice in indication_choices(supported, store_reports=store):
        numbers = [int(number) for number in choice.split(",")]
        assert all(number in known for number, known in zip(numbers, supported, strict=False))
        assert len(numbers) in (2, len(supported))


def test_indication_choices_leave_out_stored_reports_if_not_wanted() -> None:
    for listed, _, _ in MODEMS.values():
        supported = parse_cnmi_test((f"+CNMI: {listed}",))
        for known in (supported, None):
            choices = indication_choices(known, store_reports=False)
            assert not [choice for choice in choices if choice.split(",")[3:4] == ["2"]]


def test_reports_are_routed_only_if_fourth_number_is_1() -> None:
    assert [reports_are_routed(c) for c in ("2,1,0,1,0", "2,1,0,2,0", "2,1", "1,1,1,0,1")] == [
        True,
        False,
        False,
        False,
    ]
