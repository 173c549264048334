"""The execution's input: the same bytes for the same order, whoever wrote it down how."""

import json

import pytest

from functions.shared.errors import InvalidOrder
from functions.shared.message import parse_order
from functions.shared.order import Line, Order, attempt_of
from tests.functions.builders import ORDER, execution_input, line, message

CANONICAL = (
    '{"attempt":1,"customer_email":"customer@example.com",'
    '"items":[{"item_id":"item001","quantity":2},{"item_id":"item002","quantity":1}],"order_id":"12345"}'
)


@pytest.mark.parametrize(
    "body",
    [
        message(),
        json.dumps(dict(reversed(json.loads(message()).items())), indent=4),
        message(items=[line("item002", 1), line("item001", 2)]),
        message(items=[line("item001", 1), line("item002", 1), line("item001", 1)]),
        message(items=[{"quantity": 2, "item_id": "item001"}, line("item002", 1)]),
        message(placed_at="2024-05-01"),
        message().replace("item001", "item\\u0030\\u0030\\u0031"),
    ],
    ids=[
        "as is",
        "keys shuffled and indented",
        "items shuffled",
        "lines split",
        "item keys shuffled",
        "unknown",
        "escaped",
    ],
)
def test_equal_orders_have_byte_identical_input(body: str) -> None:
    assert parse_order(body).to_input(1) == CANONICAL


@pytest.mark.parametrize(
    "body",
    [
        message(customer_email="Customer@example.com"),
        message(items=[line("item001", 2)]),
        message(items=[line("item001", 2), line("item002", 2)]),
        message(items=[line("item001", 2), line("item003", 1)]),
        message(order_id="12345."),
    ],
)
def test_other_content_is_other_input(body: str) -> None:
    assert parse_order(body).to_input(1) != CANONICAL


def test_every_attempt_has_input_of_its_own() -> None:
    assert len({ORDER.to_input(attempt) for attempt in range(1, 20)}) == 19


@pytest.mark.parametrize(
    "order",
    [
        ORDER,
        Order("<b>\"quoted\"\\ 'x' / 😀 \u2028", "a@b.co", (Line("é", 1_000_000),)),
        Order("😀" * 256, "a@b.co", tuple(Line(f"{n:03}" + "😀" * 253, 1_000_000) for n in range(99))),
    ],
    ids=["plain", "odd", "largest"],
)
def test_a_step_reads_the_very_order_that_was_started_and_it_fits(order: Order) -> None:
    """Step Functions takes 256 KiB of input: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html."""
    data = execution_input(order, 3)
    assert (Order.from_input(data), attempt_of(data)) == (order, 3)
    assert len(order.to_input(3).encode()) < 256 * 1024


def test_an_item_stands_in_an_order_once() -> None:
    """One transaction cannot touch a row twice; the starter adds repeated lines up, an execution by hand may not."""
    twice = execution_input() | {"items": [line("item001", 1), line("item001", 1)]}
    with pytest.raises(InvalidOrder, match=r"^items: must hold each item once$"):
        Order.from_input(twice)
