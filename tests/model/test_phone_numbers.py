"""Whose a sender is: one table for addresses of messages and of reports, one for what people write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.model.phone_numbers import PhoneBook, Senders, Whose, e164
from gsm_meter_bridge.sms import TypeOfNumber

HUT, PUMP = "+79990000101", "+79990000201"
BOOK = PhoneBook({"hut": HUT, "pump": PUMP})
I, U, N = TypeOfNumber.INTERNATIONAL, TypeOfNumber.UNKNOWN, TypeOfNumber.NATIONAL  # noqa: E741
S, A, X = TypeOfNumber.SUBSCRIBER, TypeOfNumber.ABBREVIATED, TypeOfNumber.NETWORK_SPECIFIC
NAME = TypeOfNumber.ALPHANUMERIC


@pytest.mark.parametrize(
    ("address", "kind", "region"),
    [
        (PUMP, I, None),
        (PUMP, I, "DE"),
        # digits without + that are exactly the number, whatever the network says of them
        *(("79990000201", kind, region) for kind in (U, N, X, S, A) for region in (None, "RU", "DE")),
        # national forms, by the modem's region or else the country of the modules' numbers
        *(("89990000201", kind, region) for kind in (U, N) for region in (None, "RU")),
        *(("9990000201", kind, region) for kind in (U, N) for region in (None, "RU", "KZ")),
        # with the prefix for calls to other countries, of Russia and of Germany
        ("81079990000201", U, "RU"),
        ("0079990000201", U, "DE"),
    ],
)
def test_phone_book_finds_module_by_any_form_of_its_number(
    address: str, kind: TypeOfNumber, region: str | None
) -> None:
    assert BOOK.whose(address, kind, region) == Whose("pump")


@pytest.mark.parametrize(
    ("address", "kind", "region"),
    [
        # names: whoever sends one chooses it
        ("89990000201", NAME, "RU"),
        ("9990000201", NAME, None),
        (PUMP, NAME, None),
        ("pump0000201", NAME, None),
        # other signs than digits
        ("+7999*0000201", I, None),
        ("+7999#0000201", I, None),
        ("7999a0000201", U, "RU"),
        ("*79990000201", U, "RU"),
        ("79990000201#", U, "RU"),
        ("+79990000201", U, "RU"),
        ("++79990000201", I, None),
        ("7999 0000201", U, "RU"),
        # another number
        ("+89990000201", I, "RU"),
        ("+789990000201", I, "RU"),
        ("+0079990000201", I, "DE"),
        ("+079990000201", I, None),
        ("079990000201", U, None),
        ("0079990000201", U, "RU"),
        ("0079990000201", U, None),
        ("179990000201", U, None),
        ("+19990000201", I, None),
        ("9990000201", U, "DE"),
        ("9990000201", X, "RU"),
        ("89990000201", S, "RU"),
        ("0000201", U, "RU"),
        ("0000201", S, "RU"),
        ("999999999999990000201", U, "RU"),
    ],
)
def test_phone_book_reports_lookalike_if_address_only_resembles_number(
    address: str, kind: TypeOfNumber, region: str | None
) -> None:
    assert BOOK.whose(address, kind, region) == Whose(None, ("pump",))


@pytest.mark.parametrize("kind", list(TypeOfNumber))
@pytest.mark.parametrize(
    "address",
    ["", "+", "900", "201", "000201", "+7", "LERS", "+79990000301", "7999000020", "٧٩٩٩٠٠٠٠٢٠١", "7" * 40],
)
def test_phone_book_finds_no_module_for_unrelated_address(address: str, kind: TypeOfNumber) -> None:
    for region in (None, "RU", "DE", "XX"):
        assert BOOK.whose(address, kind, region) == Whose(None)


def test_phone_book_finds_no_module_if_digits_fit_two() -> None:
    book = PhoneBook({"pump": PUMP, "other": "+179990000201"})
    assert book.whose("79990000201", U, "US") == Whose(None, ("pump", "other"))
    assert book.whose("79990000201", U, "RU") == Whose("pump")
    assert book.whose(PUMP, I, "US") == Whose("pump")


def test_phone_book_reads_no_national_forms_if_countries_differ() -> None:
    book = PhoneBook({"pump": PUMP, "other": "+33612345678"})
    assert book.whose("89990000201", N).module is None
    assert book.whose("0612345678", N).module is None
    assert book.whose("0612345678", N, "FR").module == "other"
    assert book.whose("33612345678", N).module == "other"


def test_phone_book_without_numbers_finds_no_module() -> None:
    assert PhoneBook({}).whose("79990000201", U) == Whose(None)


@given(st.text(max_size=24), st.sampled_from(list(TypeOfNumber)), st.sampled_from([None, "RU", "DE", "US"]))
def test_phone_book_finds_module_only_by_last_digits_of_its_number(
    address: str, kind: TypeOfNumber, region: str | None
) -> None:
    found = BOOK.whose(address, kind, region)
    if found.module is not None:
        assert kind is not NAME
        assert address.removeprefix("+").isdigit()
        assert address.endswith({"hut": HUT, "pump": PUMP}[found.module][-10:])


@pytest.mark.parametrize(
    ("written", "region", "number"),
    [
        ("+7 (999) 000-02-01", None, PUMP),
        (" +7.999.000.02.01 ", None, PUMP),
        ("8 (999) 000-02-01", "RU", PUMP),
        ("8 999 000 02 01", None, None),
        ("+7999PUMPS01", None, None),
        ("tel:+79990000201", None, None),
        ("+79990000201;ext=5", None, None),
        ("+79990000201 ext. 5", None, None),
        ("+79990000201 x5", None, None),
        ("+79990000201#5", None, None),
        ("+7999*0000201", None, None),
        ("+7,9990000201", None, None),
        ("++79990000201", None, None),
        ("+7+9990000201", None, None),
        ("+٧٩٩٩٠٠٠٠٢٠١", None, None),
        ("+７９９９００００２０１", None, None),
        ("+7999\n0000201", None, None),
        ("900", "RU", None),
        ("+7900", None, None),
        ("+79990000201999999", None, None),
        ("", None, None),
        ("+", None, None),
        ("LERS", "RU", None),
    ],
)
def test_e164_normalizes_written_number_or_returns_none(
    written: str, region: str | None, number: str | None
) -> None:
    assert e164(written, region) == number


@pytest.mark.parametrize(
    ("written", "number"),
    [
        # E.164: 7 to 15 digits
        ("+290123", None),
        ("+2901234", "+2901234"),
        ("+29012345", "+29012345"),
        ("+49123456789012", "+49123456789012"),
        ("+491234567890123", "+491234567890123"),
        ("+4912345678901234", None),
    ],
)
def test_e164_has_seven_to_fifteen_digits(written: str, number: str | None) -> None:
    assert e164(written) == number


SENDERS = Senders(BOOK, {"home": "RU", "away": "DE", "anywhere": None})


@pytest.mark.parametrize(
    ("sender", "kind", "modem", "module"),
    [
        (PUMP, I, "home", "pump"),
        ("89990000201", N, "home", "pump"),
        ("89990000201", N, "away", None),  # a national form of another country
        ("89990000201", N, "anywhere", "pump"),  # by the modules' own country
        ("89990000201", N, "not configured", "pump"),
        ("79990000201", U, "away", "pump"),
        ("+79990000301", I, "home", None),
        (PUMP, NAME, "home", None),
    ],
)
def test_sender_is_read_by_country_of_the_modem_that_received_it(
    sender: str, kind: TypeOfNumber, modem: str, module: str | None
) -> None:
    assert SENDERS.whose(sender, kind, modem).module == module
    assert SENDERS.is_module(sender, kind, modem) is (module is not None)


def test_sender_is_ad_hoc_module_only_where_it_is_added() -> None:
    number = "+79990000301"
    more = SENDERS.and_of([number])
    assert more.whose("89990000301", N, "home") == Whose(number)
    assert more.whose("89990000201", N, "home") == Whose("pump")
    assert more.whose("89990000301", N, "away").module is None  # the modems' countries stay
    assert SENDERS.whose("89990000301", N, "home").module is None
    assert SENDERS.and_of([]) is SENDERS


@pytest.mark.parametrize(
    ("regions", "module", "sender", "kind", "is_one"),
    [
        ({"home": "RU"}, "pump", "9990000201", X, True),
        ({"home": "RU"}, "hut", "9990000201", X, False),  # it resembles another one
        ({"home": "RU"}, "pump", "9990000201", N, False),  # it is the module
        ({"home": "RU", "away": "DE"}, "pump", "9990000201", N, False),  # it is, for one of the modems
        ({"away": "DE"}, "pump", "9990000201", N, True),
        ({}, "pump", "9990000201", N, False),
        ({}, "pump", "9990000201", X, True),
        ({}, "pump", "+79990000301", I, False),
    ],
)
def test_sender_is_lookalike_if_it_is_a_module_for_no_modem(
    regions: dict[str, str | None], module: str, sender: str, kind: TypeOfNumber, *, is_one: bool
) -> None:
    assert Senders(BOOK, regions).is_lookalike(module, sender, kind) is is_one
