"""The contract of the published message, row by row."""

import json
from typing import Any

import pytest

from functions.shared.errors import InvalidOrder
from functions.shared.order import Line, Order
from functions.start_workflow.message import parse_order
from tests.functions.builders import CUSTOMER, MISSING, ORDER, line, message

NOT_JSON = "message: must be JSON"
NOT_AN_ORDER = "message: must be a JSON object with order_id, customer_email and items"
TEXT = "must be a text of 1 to 256 characters, none of them a control character"
EMAIL = "must be one plain ASCII e-mail address, such as customer@example.com, of at most 254 characters"
ITEMS = "must be a list of at least one item"
ITEM = "must be a JSON object with item_id and quantity"
QUANTITY = "must be a whole number from 1 to 1000000"

NUL, NEW_LINE, DELETE, NEXT_LINE, LAST_C1 = "\x00", "\n", "\x7f", "\x85", "\x9f"


def refused(body: str) -> str:
    with pytest.raises(InvalidOrder) as refusal:
        parse_order(body)
    return str(refusal.value)


def with_quantity(literal: str) -> str:
    """A quantity as the publisher wrote it: `2.0` is not `2`."""
    return message(items=[line("item001", "HERE")]).replace('"HERE"', literal)


def test_an_order_is_read_as_it_was_published() -> None:
    assert parse_order(message()) == ORDER


@pytest.mark.parametrize(
    ("body", "error_message"),
    [
        ("", NOT_JSON),
        ("order 12345", NOT_JSON),
        (message()[:-1], NOT_JSON),
        (message() + message(), NOT_JSON),
        ("\ufeff" + message(), NOT_JSON),
        (message().replace('"12345"', "'12345'"), NOT_JSON),
        ('{"order_id": "1\n2"}', NOT_JSON),
        (with_quantity("+1"), NOT_JSON),
        (with_quantity("01"), NOT_JSON),
        (with_quantity("0x10"), NOT_JSON),
        (with_quantity("1" * 5_000), NOT_JSON),
        (message()[:-1] + ', "unknown": ' + "9" * 5_000 + "}", NOT_JSON),
        (with_quantity("NaN"), "message: must be JSON, and NaN is not"),
        (with_quantity("Infinity"), "message: must be JSON, and Infinity is not"),
        (with_quantity("-Infinity"), "message: must be JSON, and -Infinity is not"),
        (message()[:-1] + ', "unknown": [NaN]}', "message: must be JSON, and NaN is not"),
        ("[" * 100_000, "message: is nested too deep"),
        ("[" * 100_000 + "]" * 100_000, "message: is nested too deep"),
        ('{"order_id": ' * 100_000 + "1" + "}" * 100_000, "message: is nested too deep"),
        (message()[:-1] + ', "unknown": ' + "[" * 100_000 + "]" * 100_000 + "}", "message: is nested too deep"),
        ("[]", NOT_AN_ORDER),
        (f"[{message()}]", NOT_AN_ORDER),
        ('"12345"', NOT_AN_ORDER),
        ("null", NOT_AN_ORDER),
        ("12345", NOT_AN_ORDER),
        ("1.5", NOT_AN_ORDER),
        ("true", NOT_AN_ORDER),
        (json.dumps(message()), NOT_AN_ORDER),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_message_that_is_no_json_object_is_refused(body: str, error_message: str) -> None:
    assert refused(body) == error_message


@pytest.mark.parametrize("exponent", ["1e400", "-1e400", "1e-400", "1e99999999999999999999", "1e-99999999999999999999"])
@pytest.mark.parametrize("place", ["quantity", "unknown field"])
def test_a_number_beyond_all_bounds_is_refused_or_ignored_like_any_other(exponent: str, place: str) -> None:
    if place == "quantity":
        assert refused(with_quantity(exponent)) in (f"items[0].quantity: {QUANTITY}", NOT_JSON)
    else:
        body = message()[:-1] + f', "unknown": {exponent}}}'
        try:
            assert parse_order(body) == ORDER
        except InvalidOrder as refusal:
            assert str(refusal) == NOT_JSON  # noqa: PT017 - either is a fair answer, a crash is none


@pytest.mark.parametrize("field", ["order_id", "customer_email", "items"])
def test_a_missing_field_is_named(field: str) -> None:
    rule = {"order_id": TEXT, "customer_email": EMAIL, "items": ITEMS}[field]
    assert refused(message(**{field: MISSING})) == f"{field}: is missing; {rule}"


@pytest.mark.parametrize(
    ("item", "error_message"),
    [
        ({"quantity": 1}, f"items[1].item_id: is missing; {TEXT}"),
        ({"item_id": "item002"}, f"items[1].quantity: is missing; {QUANTITY}"),
        ({}, f"items[1].item_id: is missing; {TEXT}"),
        ({"ITEM_ID": "item002", "quantity": 1}, f"items[1].item_id: is missing; {TEXT}"),
    ],
    ids=str,
)
def test_a_missing_field_of_an_item_is_named_with_the_items_place(item: dict[str, Any], error_message: str) -> None:
    assert refused(message(items=[line(), item])) == error_message


@pytest.mark.parametrize("value", [None, True, 5, 1.5, "", [], ["12345"], {}, {"order_id": "12345"}], ids=repr)
def test_an_order_id_of_a_wrong_type_or_empty_is_refused(value: Any) -> None:
    assert refused(message(order_id=value)) == f"order_id: {TEXT}"


@pytest.mark.parametrize("value", [None, True, 5, "", [], [CUSTOMER], {}, {"address": CUSTOMER}], ids=repr)
def test_an_address_of_a_wrong_type_or_empty_is_refused(value: Any) -> None:
    assert refused(message(customer_email=value)) == f"customer_email: {EMAIL}"


@pytest.mark.parametrize("value", [None, True, 5, "", "item001", [], {}, line(), {"0": line()}], ids=repr)
def test_items_that_are_no_list_or_an_empty_one_are_refused(value: Any) -> None:
    assert refused(message(items=value)) == f"items: {ITEMS}"


@pytest.mark.parametrize("value", [None, True, 5, "", "item001", [], ["item001", 1]], ids=repr)
def test_an_item_that_is_no_object_is_refused(value: Any) -> None:
    assert refused(message(items=[line(), value])) == f"items[1]: {ITEM}"


@pytest.mark.parametrize("value", [None, True, 5, "", [], {}, "x" * 257, "item" + NEW_LINE], ids=lambda v: repr(v)[:20])
def test_an_item_id_of_a_wrong_type_or_length_is_refused(value: Any) -> None:
    assert refused(message(items=[line(value)])) == f"items[0].item_id: {TEXT}"


@pytest.mark.parametrize(
    "character", [NUL, "\t", NEW_LINE, "\r", "\x1b", "\x1f", DELETE, "\x80", NEXT_LINE, LAST_C1], ids=ascii
)
@pytest.mark.parametrize("place", ["{}12345", "12{}345", "12345{}", "{}"])
@pytest.mark.parametrize("field", ["order_id", "item_id"])
def test_a_control_character_anywhere_in_an_id_is_refused(character: str, place: str, field: str) -> None:
    value = place.format(character)
    if field == "order_id":
        assert refused(message(order_id=value)) == f"order_id: {TEXT}"
    else:
        assert refused(message(items=[line(value)])) == f"items[0].item_id: {TEXT}"


@pytest.mark.parametrize(
    "surrogate", [*map(chr, (0xD800, 0xDBFF, 0xDC00, 0xDFFF)), "12\ud83d345", "\ude00\ud83d"], ids=ascii
)
def test_half_a_surrogate_pair_is_no_character_and_refused(surrogate: str) -> None:
    assert refused(message(order_id=surrogate)) == f"order_id: {TEXT}"
    assert refused(message(items=[line(surrogate)])) == f"items[0].item_id: {TEXT}"
    assert refused(message(customer_email=f"{surrogate}@example.com")) == f"customer_email: {EMAIL}"


@pytest.mark.parametrize(
    "order_id",
    [
        " ",
        " 12345 ",
        "order 12345",
        "2024/05/12345",
        "a\\b",
        "\"quoted\" and 'quoted'",
        "<b>bold</b> & <script>alert(1)</script>",
        "{{ order.customer_email }}",
        "${UpdateOrderFunctionArn}",
        "$.order_id",
        "..",
        "-",
        "--2",
        "null",
        "bestellung-ä-ö-ü-ß",
        "注文番号",
        "طلب",
        "\u202eevil",
        "line\u2028separator",
        "👩‍👩‍👧‍👦",
        "x" * 256,
        "😀" * 256,
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_any_other_text_of_up_to_256_characters_is_an_order_id_and_an_item_id(order_id: str) -> None:
    assert parse_order(message(order_id=order_id)).order_id == order_id
    assert parse_order(message(items=[line(order_id, 3)])).lines == (Line(order_id, 3),)


@pytest.mark.parametrize("order_id", ["x" * 257, "😀" * 257, "x" * 100_000])
def test_an_order_id_of_more_than_256_characters_is_refused(order_id: str) -> None:
    assert refused(message(order_id=order_id)) == f"order_id: {TEXT}"


@pytest.mark.parametrize(
    "address",
    [
        "plainaddress",
        "@example.com",
        "customer@",
        "customer@@example.com",
        "customer@example",
        "customer@.example.com",
        "customer@example..com",
        "customer@example.com.",
        "customer@-example.com",
        "customer@example-.com",
        "customer@[127.0.0.1]",
        ".customer@example.com",
        "customer.@example.com",
        "cus..tomer@example.com",
        "cus tomer@example.com",
        '"customer"@example.com',
        " customer@example.com",
        "customer@example.com ",
        "customer@example.com\n",
        "customer@example.com\r\nBcc: all@example.com",
        "customer\r\n@example.com",
        "customer@example.com\x85",
        "customer@example.com\x00",
        "customer@example.com\u2028",
        "customer@example.com,other@example.com",
        "customer@example.com, other@example.com",
        "customer@example.com;other@example.com",
        "customer@example.com other@example.com",
        "Customer <customer@example.com>",
        "<customer@example.com>",
        "mailto:customer@example.com",
        "customer(comment)@example.com",
        "customer@exämple.com",
        "küstomer@example.com",
        "customer＠example.com",
        "customer@example.com\ufeff",
        "a" * 65 + "@example.com",
        "customer@" + "a" * 64 + ".com",
        "a@" + "b23456789." * 25 + "com",
    ],
    ids=ascii,
)
def test_what_is_not_one_plain_ascii_address_is_refused_without_repeating_it(address: str) -> None:
    assert refused(message(customer_email=address)) == f"customer_email: {EMAIL}"


@pytest.mark.parametrize(
    "address",
    [
        "a@b.co",
        "first.last@sub.example.com",
        "customer+tag@example.com",
        "o'brien@example.com",
        "!#$%&'*+/=?^_`{|}~-@example.com",
        "1@2.3com",
        "customer@xn--exmple-cua.com",
        "a" * 64 + "@example.com",
        "customer@" + "a" * 63 + ".com",
        "a@" + "b23456789." * 24 + "example.com",
    ],
)
def test_a_plain_address_is_taken_as_it_is(address: str) -> None:
    assert len(address) <= 254
    assert parse_order(message(customer_email=address)).customer_email == address


@pytest.mark.parametrize(
    "literal",
    [
        "0",
        "-1",
        "-0",
        "1.5",
        "2.0",
        "1e3",
        "1E0",
        "0.9999999999999999999999",
        "1000001",
        "99999999999999999999",
        "1" * 4_000,
        "true",
        "false",
        "null",
        '"2"',
        '""',
        '"two"',
        "[2]",
        "{}",
    ],
    ids=lambda literal: literal[:25],
)
def test_a_quantity_that_is_no_whole_number_from_1_to_a_million_is_refused(literal: str) -> None:
    assert refused(with_quantity(literal)) == f"items[0].quantity: {QUANTITY}"


@pytest.mark.parametrize("quantity", [1, 2, 999_999, 1_000_000])
def test_a_quantity_from_1_to_a_million_is_taken(quantity: int) -> None:
    assert parse_order(message(items=[line("item001", quantity)])).lines == (Line("item001", quantity),)


def test_99_distinct_items_fit_into_one_transaction() -> None:
    assert len(parse_order(message(items=[line(f"item{n:03}") for n in range(99)])).lines) == 99


@pytest.mark.parametrize("count", [100, 1_000])
def test_100_distinct_items_do_not_and_are_refused(count: int) -> None:
    body = message(items=[line(f"item{n:03}") for n in range(count)])
    assert refused(body) == f"items: must be at most 99 distinct items, not {count}"


def test_repeated_lines_of_an_item_add_up_to_one() -> None:
    order = parse_order(message(items=[line("b", 2), line("a", 1), line("b", 3)]))
    assert order.lines == (Line("a", 1), Line("b", 5))


def test_repeated_lines_count_as_one_item_however_many_there_are() -> None:
    order = parse_order(message(items=[line(f"item{n % 99:03}", 1) for n in range(990)]))
    assert {piece.quantity for piece in order.lines} == {10}
    assert len(order.lines) == 99


@pytest.mark.parametrize("quantities", [(1_000_000, 1), (500_000, 500_001), (1, 999_999, 1)])
def test_repeated_lines_that_add_up_beyond_the_limit_are_refused(quantities: tuple[int, ...]) -> None:
    body = message(items=[line("item001", quantity) for quantity in quantities])
    assert refused(body) == "items: the lines of one item must add up to at most 1000000"


def test_repeated_lines_may_add_up_to_the_limit() -> None:
    assert parse_order(message(items=[line("a", 999_999), line("a", 1)])).lines == (Line("a", 1_000_000),)


def test_item_ids_that_differ_in_case_or_form_are_different_items() -> None:
    ids = ["a", "A", " a", "\u00e9", "e\u0301"]
    assert {piece.item_id for piece in parse_order(message(items=[line(i) for i in ids])).lines} == set(ids)


def test_unknown_fields_are_ignored_wherever_they_are() -> None:
    body = message(
        items=[line("a", 1) | {"price": 9.99, "note": None}], attempt=7, status="CONFIRMED", coupon={"a": [1.5]}
    )
    assert parse_order(body) == Order("12345", CUSTOMER, (Line("a", 1),))


def test_of_a_field_given_twice_the_last_counts() -> None:
    """As in every JSON reader a shop would try its message on."""
    assert parse_order('{"order_id": "first", ' + message()[1:]) == ORDER
