"""The contract of the published message, row by row."""

import json
from typing import Any

import pytest

from functions.shared.errors import InvalidOrder
from functions.shared.message import parse_order
from functions.shared.order import Line, Order
from tests.functions.builders import CUSTOMER, MISSING, ORDER, line, message

NOT_JSON = "message: must be JSON, and is not at line 1, column {}"
NOT_AN_ORDER = "message: must be a JSON object with order_id, customer_email and items"
TEXT = "must be a text of 1 to 256 characters, none of them a control character, with no white space at either end"
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


QUANTITY_AT = with_quantity("HERE").index("HERE") + 1


def test_an_order_is_read_as_it_was_published() -> None:
    assert parse_order(message()) == ORDER


@pytest.mark.parametrize(
    ("body", "error_message"),
    [
        ("", NOT_JSON.format(1)),
        ("order 12345", NOT_JSON.format(1)),
        (message()[:-1], NOT_JSON.format(len(message()))),
        (message() + message(), NOT_JSON.format(len(message()) + 1)),
        ("\ufeff" + message(), "message: must be JSON, without the byte order mark before it"),
        (message().replace('"12345"', "'12345'"), NOT_JSON.format(14)),
        ('{"order_id": "1\n2"}', NOT_JSON.format(16)),
        ('{"order_id":\n  "1",\n  items: []}', "message: must be JSON, and is not at line 3, column 3"),
        (with_quantity("+1"), NOT_JSON.format(QUANTITY_AT)),
        (with_quantity("01"), NOT_JSON.format(QUANTITY_AT + 1)),
        (with_quantity("0x10"), NOT_JSON.format(QUANTITY_AT + 1)),
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


BEYOND_ALL_BOUNDS = [
    *("1e400", "-1e400", "1e-400", "1e999999999", "1e-999999999", "0e99999999999999999999"),
    *("1e99999999999999999999", "1e-99999999999999999999", "1" * 5_000, "9" * 200_000, "1" * 200_000 + "e-199998"),
]


@pytest.mark.parametrize("number", BEYOND_ALL_BOUNDS, ids=lambda number: number[:25])
def test_a_number_beyond_all_bounds_is_no_quantity_and_ignored_elsewhere(number: str) -> None:
    assert refused(with_quantity(number)) == f"items[0].quantity: {QUANTITY}"
    assert parse_order(message()[:-1] + f', "unknown": [{number}]}}') == ORDER


@pytest.mark.parametrize(
    ("literal", "quantity"),
    [
        ("2.0", 2),
        ("2E0", 2),
        ("1e3", 1000),
        ("1e+3", 1000),
        ("10e-1", 1),
        ("0.1e1", 1),
        ("1000000.000", 1_000_000),
        ("1E6", 1_000_000),
        ("0.000000000000000000001e21", 1),
        ("1" + "0" * 200_000 + "e-200000", 1),
        ("2." + "0" * 200_000, 2),
    ],
    ids=lambda value: str(value)[:25],
)
def test_a_whole_number_is_the_same_in_any_spelling(literal: str, quantity: int) -> None:
    order = parse_order(with_quantity(literal))
    assert order.lines == (Line("item001", quantity),)
    assert order.to_input(1) == parse_order(with_quantity(str(quantity))).to_input(1)


@pytest.mark.parametrize("literal", ["0.99999999999999999999", "1.00000000000000000001", "1000000.0000000000001"])
def test_no_quantity_is_rounded(literal: str) -> None:
    assert refused(with_quantity(literal)) == f"items[0].quantity: {QUANTITY}"


# ------------------------------------------------------------------------------------------------- given twice


@pytest.mark.parametrize(
    ("body", "error_message"),
    [
        ('{"order_id": "first", ' + message()[1:], "order_id: must be there once"),
        (message()[:-1] + f', "customer_email": "{CUSTOMER}"}}', "customer_email: must be there once"),
        (message()[:-1] + ', "items": []}', "items: must be there once"),
        (message()[:-1] + ', "order\\u005fid": "12345"}', "order_id: must be there once"),
        (with_quantity('1, "quantity": 1'), "quantity: must be there once"),
        (with_quantity('1, "item_id": "item002"'), "item_id: must be there once"),
        (message()[:-1] + ', "note": 1, "note": 1}', "message: must have each field once"),
        (message()[:-1] + f', "{CUSTOMER}": 1, "{CUSTOMER}": 2}}', "message: must have each field once"),
        (message()[:-1] + ', "unknown": [{"a": {"b": 1, "b": 2}}]}', "message: must have each field once"),
        ('{"": 1, "": 2}', "message: must have each field once"),
    ],
)
def test_a_field_given_twice_is_refused_wherever_it_is(body: str, error_message: str) -> None:
    """JSON readers disagree on which of the two counts; a name that is not ours may be an address."""
    assert refused(body) == error_message


# ------------------------------------------------------------------------------------------------- something else

SHOPIFY = {"id": 820982911946154508, "email": CUSTOMER, "line_items": [{"sku": "item001", "quantity": 1}], "name": "#9"}
WOOCOMMERCE = {"id": 727, "status": "processing", "billing": {"email": CUSTOMER}, "line_items": [], "total": "29.35"}
ENVELOPE = {
    "Type": "Notification",
    "MessageId": "1",
    "TopicArn": "arn:aws:sns:…",
    "Message": message(),
    "Signature": "x",
}
EVENT = {"version": "0", "detail-type": "Order", "source": "shop", "detail": json.loads(message())}
S3_EVENT = {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]}
S3_TEST = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-01-01T00:00:00.000Z", "Bucket": "orders"}


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (ENVELOPE, "is an SNS envelope; deliver the order itself (raw message delivery)"),
        (EVENT, "is an EventBridge event; deliver the order itself (the event's detail)"),
        (S3_EVENT, "is a batch of AWS event records, as S3 sends them; publish the order itself"),
        (S3_TEST, "is a test event of S3; publish the order itself"),
        (SHOPIFY, "is an order as a web shop's webhook sends it; publish it with the fields of this contract"),
        (WOOCOMMERCE, "is an order as a web shop's webhook sends it; publish it with the fields of this contract"),
    ],
    ids=["SNS", "EventBridge", "S3", "S3's test", "Shopify", "WooCommerce"],
)
def test_what_is_plainly_something_else_is_refused_as_that(body: dict[str, Any], what: str) -> None:
    assert refused(json.dumps(body)) == f"message: {what}"
    assert parse_order(json.dumps(body | json.loads(message()))) == ORDER, "unknown fields are ignored"
    assert refused(json.dumps(body | {"order_id": "1"})) == f"customer_email: is missing; {EMAIL}"


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


# What ECMAScript calls white space, but for what is a control character; Unicode and Python leave U+FEFF out.
WHITE_SPACE = "\u0020\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"


@pytest.mark.parametrize("space", WHITE_SPACE, ids=ascii)
@pytest.mark.parametrize("place", ["{}", "{}{}", "{}12345", "12345{}", "{}12345{}"])
def test_an_id_that_is_blank_or_has_white_space_at_an_end_is_refused(space: str, place: str) -> None:
    value = place.format(space, space)
    assert refused(message(order_id=value)) == f"order_id: {TEXT}"
    assert refused(message(items=[line(value)])) == f"items[0].item_id: {TEXT}"


@pytest.mark.parametrize("space", [*WHITE_SPACE, *"\u180e\u200b\u2060"], ids=ascii)
def test_white_space_inside_an_id_is_taken_as_it_is(space: str) -> None:
    assert parse_order(message(order_id=f"1{space}2")).order_id == f"1{space}2"


@pytest.mark.parametrize("character", "\u180e\u200b\u2060", ids=ascii)
def test_what_only_looks_like_nothing_is_no_white_space(character: str) -> None:
    assert parse_order(message(order_id=f"1{character}")).order_id == f"1{character}"


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
    ids = ["a", "A", "a a", "\u00e9", "e\u0301"]
    assert {piece.item_id for piece in parse_order(message(items=[line(i) for i in ids])).lines} == set(ids)


def test_unknown_fields_are_ignored_wherever_they_are() -> None:
    body = message(
        items=[line("a", 1) | {"price": 9.99, "note": None}], attempt=7, status="CONFIRMED", coupon={"a": [1.5]}
    )
    assert parse_order(body) == Order("12345", CUSTOMER, (Line("a", 1),))
