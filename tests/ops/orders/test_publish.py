"""Orders that are read from a file, and waited for: checked whole before any is sent, each to its own end."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.shared.message import parse_order
from functions.shared.order import Line, Order
from ops.errors import BadInput
from ops.orders import publish
from ops.orders.ledger import Orders
from ops.orders.publish import End, Expected, message_of, new_order_id, read_orders, wait_for
from ops.stack import Stack
from tests.ops.moto_stack import put
from tests.ops.states import START, States

ORDER = Order("12345", "customer@example.com", (Line("tea", 2),))
GOOD: dict[str, Any] = {
    "order_id": "12345",
    "customer_email": "customer@example.com",
    "items": [{"item_id": "tea", "quantity": 2}],
}


def test_a_file_holds_one_order_or_a_list_of_them() -> None:
    assert read_orders(json.dumps(GOOD), "file") == [ORDER]
    assert [order.order_id for order in read_orders(json.dumps([GOOD, GOOD | {"order_id": "12346"}]), "file")] == [
        "12345",
        "12346",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "^file: must hold an order or a list of orders, as JSON"),
        ("[" * 100_000, "^file: must hold an order or a list of orders, as JSON"),
        ("[]", "^file: must hold at least one order"),
        ("12", "message: must be a JSON object"),
        (json.dumps(GOOD | {"items": []}), r"published\n  items: must be a list of at least one item$"),
        (
            '{"order_id": "1", "customer_email": "a@b.com", "items": [{"item_id": "tea", "quantity": 2.5}]}',
            "whole number",
        ),
        (
            '{"order_id": "1", "customer_email": "a@b.com", "items": [{"item_id": "tea", "quantity": NaN}]}',
            "NaN is not",
        ),
        (json.dumps([GOOD, GOOD]), "order_id: '12345' is there 2 times"),
    ],
)
def test_what_is_no_order_is_named_with_its_rule(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        read_orders(text, "file")


def test_all_that_is_wrong_in_a_file_is_named_at_once() -> None:
    entries = [GOOD, GOOD | {"order_id": ""}, GOOD | {"items": [{"item_id": "tea", "quantity": 0}]}]
    with pytest.raises(BadInput) as caught:
        read_orders(json.dumps(entries), "file")
    assert str(caught.value).splitlines() == [
        "file: nothing was published",
        "  order 2 of 3: order_id: must be a text of 1 to 256 characters, none of them a control character,"
        " with no white space at either end",
        "  order 3 of 3: items[0].quantity: must be a whole number from 1 to 1000000",
    ]


def test_what_is_published_is_the_contract_s_message_and_nothing_else() -> None:
    assert json.loads(message_of(ORDER)) == GOOD
    assert parse_order(message_of(ORDER)) == ORDER


def test_characters_that_sns_and_sqs_refuse_are_escaped_and_no_others() -> None:
    order = Order("a\ufffe\uffff", "customer@example.com", (Line("caf\u00e9 \U0001f375", 2),))
    message = message_of(order)
    assert r"a\ufffe\uffff" in message
    assert "caf\u00e9 \U0001f375" in message
    assert parse_order(message) == order


@pytest.mark.parametrize("text", ["%s", "[%s]", " [\n%s\t]\n", "[%s , %s]"])
def test_an_order_is_checked_in_the_very_words_that_were_given(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read as JSON and written again, a key that is there twice would silently be the last."""
    given = '{"order_id": "1", "order_id": "]2,[", "quantity": 2.0}'
    seen: list[str] = []

    def parse(body: str) -> Order:
        seen.append(body)
        return Order(str(len(seen)), "customer@example.com", (Line("tea", 2),))

    monkeypatch.setattr(publish, "parse_order", parse)
    read_orders(text.replace("%s", given), "file")
    assert seen == [given] * text.count("%s")


def test_a_new_id_can_be_read_and_is_one_that_an_execution_can_bear() -> None:
    moment = datetime(2026, 11, 24, 7, 35, 55, tzinfo=UTC)
    ids = {new_order_id(moment) for _ in range(100)}
    assert all(re.fullmatch(r"20261124-073555-[2-9a-hjkmnp-z]{4}", order_id) for order_id in ids)
    assert len(ids) > 90


# ---------------------------------------------------------------------------------------------------- waiting


@pytest.mark.parametrize(
    ("status", "content", "attempt"),
    [
        (None, "", 1),
        ("RUNNING", ORDER.to_input(1), 1),
        ("SUCCEEDED", ORDER.to_input(1), 1),
        ("FAILED", ORDER.to_input(1), 2),
        ("SUCCEEDED", "{}", 2),  # other content: it is refused, and this attempt never comes
    ],
)
def test_what_an_order_leads_to_is_known_before_it_is_published(
    stack: Stack, states: States, status: str | None, content: str, attempt: int
) -> None:
    if status:
        states.put("12345", status, content)
    assert Expected.of(Orders.of(stack), ORDER).attempt == attempt


def waited(stack: Stack, *expected: Expected, pauses: Iterator[None] | None = None, patience: float = 60) -> list[End]:
    """Wait, with each of `pauses` happening in a pause."""
    happening = pauses or iter(())

    def pause(_seconds: float) -> None:
        next(happening, None)

    return list(wait_for(stack, expected, patience=timedelta(seconds=patience), tell=lambda _text: None, pause=pause))


def test_each_order_is_waited_for_until_its_own_execution_has_ended(stack: Stack, states: States) -> None:
    def happening() -> Iterator[None]:
        states.put("12345--2", "RUNNING", ORDER.to_input(2))
        yield
        put(stack, "OrdersTableName", order_id={"S": "12345"}, status={"S": "CONFIRMED"}, attempt={"N": "2"})
        states.put("12345--2", "SUCCEEDED", ORDER.to_input(2))
        yield

    states.put("12345", "FAILED", ORDER.to_input(1))
    other = Order("12346", ORDER.customer_email, ORDER.lines)
    states.put("12346", "FAILED", other.to_input(1))
    put(stack, "OrdersTableName", order_id={"S": "12346"}, status={"S": "CONFIRMED"}, email_status={"S": "REJECTED"})
    first, second = waited(stack, Expected(ORDER, 2), Expected(other, 1), pauses=happening())
    assert (first.order_id, first.has_come, first.is_good) == ("12346", True, False)
    assert (second.order_id, second.has_come, second.is_good) == ("12345", True, True)
    assert second.execution is not None
    assert second.execution.name == "12345--2"


def test_a_refused_order_ends_with_the_reason_that_its_dead_letter_has(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "_DEAD_LETTERS_EVERY", -1.0)
    reasons = {"error_type": "ConflictingOrder", "error_message": "other content"}
    stack.client("sqs").send_message(
        QueueUrl=stack["OrderDlqUrl"],
        MessageBody=message_of(ORDER),
        MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in reasons.items()},
    )
    (end,) = waited(stack, Expected(ORDER, 1))
    assert (end.refused, end.has_come, end.is_good) == ("ConflictingOrder: other content", True, False)


@pytest.mark.parametrize(("started", "ended"), [(0, 0), (600, 0), (600, 599), (300, 300)])
def test_the_patience_is_one_for_all_orders_however_many(
    stack: Stack, states: States, started: int, ended: int
) -> None:
    passed = list[float]()

    def fails(_operation: str) -> bool:
        passed.append(0.1)  # a call takes so long
        return False

    states.page, states.fails = 1000, fails
    orders = [Order(f"{number}", ORDER.customer_email, ORDER.lines) for number in range(600)]
    began = (datetime.now(UTC) - START).total_seconds()
    for number, order in enumerate(orders[:started]):
        states.put(order.order_id, "FAILED" if number < ended else "RUNNING", order.to_input(1), began=began)
    ends = list(
        wait_for(
            stack,
            [Expected(order, 1) for order in orders],
            patience=timedelta(seconds=10),
            tell=lambda _text: None,
            clock=lambda: sum(passed),
            pause=passed.append,
        )
    )
    assert 10 <= sum(passed) < 13
    assert len({end.order_id for end in ends}) == len(ends) == 600
    assert sum(end.has_come for end in ends) == ended
    assert sum(end.execution is not None for end in ends) == started


def test_an_order_whose_execution_began_long_before_is_found_by_its_name(stack: Stack, states: States) -> None:
    states.put("12345", "SUCCEEDED", ORDER.to_input(1))
    put(stack, "OrdersTableName", order_id={"S": "12345"}, status={"S": "CONFIRMED"})
    for number in range(20):
        states.put(f"{number}", "SUCCEEDED", "{}", began=1 + number)
    (end,) = waited(stack, Expected(ORDER, 1))
    assert end.is_good


@pytest.mark.parametrize("has_begun", [False, True])
def test_the_dead_letters_are_left_alone_while_every_order_has_an_execution(
    stack: Stack, states: States, monkeypatch: pytest.MonkeyPatch, has_begun: bool
) -> None:
    monkeypatch.setattr(publish, "_DEAD_LETTERS_EVERY", -1.0)
    stack.client("sqs").send_message(QueueUrl=stack["OrderDlqUrl"], MessageBody="another")
    if has_begun:
        states.put("12345", "RUNNING", ORDER.to_input(1))
    waited(stack, Expected(ORDER, 1), patience=0.2)
    received = stack.client("sqs").receive_message(
        QueueUrl=stack["OrderDlqUrl"], MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )
    (message,) = received["Messages"]
    assert (message["Attributes"]["ApproximateReceiveCount"] == "1") is has_begun  # so nobody else received it


def test_an_order_that_does_not_end_is_given_as_it_stands_when_the_patience_is_over(
    stack: Stack, states: States
) -> None:
    states.put("12345", "RUNNING", ORDER.to_input(1))
    (end,) = waited(stack, Expected(ORDER, 1), patience=0)
    assert (end.has_come, end.is_good, end.execution is not None) == (False, False, True)
