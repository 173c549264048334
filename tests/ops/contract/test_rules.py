"""What an operator types is held against the contract's own rules, and a broken one is named."""

from datetime import timedelta

import pytest

from ops.contract import rules
from ops.errors import BadInput


@pytest.mark.parametrize("text", ["item001", "Bestellung № 1", "a" * 256, "-"])
def test_an_id_is_what_a_message_may_hold(text: str) -> None:
    assert rules.item_id("ITEM", text) == rules.order_id("ORDER", text) == text


@pytest.mark.parametrize("text", ["", "a" * 257, "a\nb", "a\x1b[31m", "\x00"])
def test_an_id_that_no_message_may_hold_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput, match=r"^ITEM: must be a text of 1 to 256 characters, none of them a control"):
        rules.item_id("ITEM", text)
    with pytest.raises(BadInput, match=r"^ORDER: "):
        rules.order_id("ORDER", text)


def test_an_address_is_one_plain_address() -> None:
    assert rules.email("ADDRESS", "you@example.com") == "you@example.com"
    for text in ("", "you", "you@", "a@b.c, d@e.f", "You <you@example.com>", "ü@example.com"):
        with pytest.raises(BadInput, match=r"^ADDRESS: must be one plain ASCII e-mail address"):
            rules.email("ADDRESS", text)


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("7", 7), ("-3", -3), ("1000000000", 10**9)])
def test_a_whole_number_is_read(text: str, number: int) -> None:
    assert rules.whole_number("PIECES", text, least=-(10**9)) == number


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "+", "-+5", "--5", "1.0", "1e3", "two", "1_000", "٣", "²", "1000000001", "9" * 5000, "0x10", "1 0"),
        *(" 7", "7 ", "7\n", "+3", "007", "-0", "1,000", "1.000", "1\u202f000", "１", "\u22123"),
    ],
)
def test_what_is_no_whole_number_within_its_bounds_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput, match=r"^PIECES: must be a whole number from 0 to 1000000000, in digits alone, not "):
        rules.whole_number("PIECES", text, least=0)


def test_a_number_below_its_least_is_bad_input() -> None:
    with pytest.raises(BadInput, match="from 1 to 5, in digits alone, not '0'"):
        rules.whole_number("PIECES", "0", least=1, most=5)


def test_a_reason_is_one_printable_line_taken_as_it_is() -> None:
    for text in ("counted twice, Łódź", "3\u202fpièces\u00a0: cassées"):
        assert rules.read_reason(text) == text
    for text in (
        "",
        "  ",
        " counted",
        "counted ",
        "counted\u00a0",
        "a\nb",
        "a" * 201,
        "\x1b[31m",
        "a\u2028b",
        "a\u202eb",
    ):
        with pytest.raises(BadInput, match="1 to 200 printable characters, the first and last no space"):
            rules.read_reason(text)


def test_a_length_of_time_is_a_number_and_a_unit() -> None:
    assert rules.read_duration("--since", "90s") == timedelta(seconds=90)
    assert rules.read_duration("--since", "30m") == rules.read_duration("--since", "30min") == timedelta(minutes=30)
    assert rules.read_duration("--since", "2h") == timedelta(hours=2)
    assert rules.read_duration("--since", "7d") == timedelta(days=7)
    for text in (" 7d", "7d ", "7d\n", "٧d", "", "7", "d", "1.5h", "-1h", "1w", "100000d"):
        with pytest.raises(BadInput, match=r"^--since: must be a length of time"):
            rules.read_duration("--since", text)


def test_a_number_is_in_plain_digits() -> None:
    assert (
        rules.read_number("--every", "2", least=0.2, of="seconds"),
        rules.read_number("--every", "0.5", least=0.2, of="seconds"),
    ) == (2, 0.5)
    for text in ("", "0.1", "nan", "inf", "1e3", "1_0", " 2", "٢", "-1", ".5", "2s"):
        with pytest.raises(BadInput, match=r"^--every: must be a number of seconds from 0.2"):
            rules.read_number("--every", text, least=0.2, of="seconds")
