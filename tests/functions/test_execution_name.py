"""Execution names: what Step Functions and CloudWatch take, and never the same for two orders."""

import itertools
import re

import pytest

from functions.shared.execution_name import execution_name

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
ALLOWED = re.compile(r"[0-9A-Za-z_-]{1,80}")

ATTEMPTS = (1, 2, 3, 10, 22, 999_999)
SHORT = ["".join(letters) for size in (1, 2, 3, 4, 5) for letters in itertools.product("a2-/", repeat=size)]
TRICKY = [
    "12345",
    "12345--2",
    "12345-2",
    "12345---2",
    "12345 ",
    " 12345",
    "Order",
    "order",
    "ORDER",
    "order_1",
    "order-1",
    "order 1",
    "order/1",
    "order.1",
    "é",
    "e\u0301",
    "😀",
    "注文",
    "order--",
    "<script>",
    'a"b',
    "a'b",
    "x" * 63,
    "x" * 64,
    "x" * 65,
    "x" * 255,
    "x" * 256,
    "x" * 255 + "y",
    "x" * 64 + "--2",
    "😀" * 256,
    "order--" + "0" * 32,
    "0" * 32,
]
# Ids that look like the name that another id gets.
LOOKALIKES = [execution_name(order_id, attempt) for order_id in TRICKY for attempt in (1, 2)]
ORDER_IDS = list(dict.fromkeys(SHORT + TRICKY + LOOKALIKES))


def test_every_name_is_one_that_step_functions_and_cloudwatch_take() -> None:
    names = [execution_name(order_id, attempt) for order_id in ORDER_IDS for attempt in ATTEMPTS]
    assert [name for name in names if not ALLOWED.fullmatch(name)] == []


def test_no_two_attempts_of_any_two_orders_share_a_name() -> None:
    names = [execution_name(order_id, attempt) for order_id in ORDER_IDS for attempt in ATTEMPTS]
    assert len(set(names)) == len(ORDER_IDS) * len(ATTEMPTS)


@pytest.mark.parametrize("order_id", ["12345", "a", "-", "_", "Order_2024-05", "x" * 64])
def test_a_plain_order_id_is_its_own_name(order_id: str) -> None:
    assert execution_name(order_id, 1) == order_id


@pytest.mark.parametrize(
    ("order_id", "prefix"),
    [
        ("order 2024/05", "order-2024-05--"),
        ("12345--2", "12345-2--"),
        ("x" * 65, "x" * 30 + "--"),
        ("<b>", "b--"),
        ("😀", "order--"),
        (" ", "order--"),
        ("--", "order--"),
        ("Ünal 7", "nal-7--"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_any_other_order_id_is_still_readable_in_its_name(order_id: str, prefix: str) -> None:
    assert re.fullmatch(re.escape(prefix) + "[0-9a-f]{32}", execution_name(order_id, 1))


@pytest.mark.parametrize("order_id", ["12345", "order 12345", "x" * 256])
def test_a_later_attempt_is_the_first_ones_name_and_its_number(order_id: str) -> None:
    assert execution_name(order_id, 2) == execution_name(order_id, 1) + "--2"


@pytest.mark.parametrize(
    ("order_id", "name"),
    [
        ("order-1", "order-1"),
        ("X order/1 X", "X-order-1-X--c9245d591859ff2c65663735633dff68"),
        ("é", "order--4a99557e4033c3539de2eb65472017ca"),
        ("x" * 65, "x" * 30 + "--9537c5fdf120482f7d58d25e9ed583f5"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_name_stays_what_it_is_since_an_order_published_again_is_recognised_by_it(order_id: str, name: str) -> None:
    assert execution_name(order_id, 1) == name
