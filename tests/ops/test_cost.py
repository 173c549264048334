"""What the system costs a month: what an order takes, as often as it comes, and what stands there anyway."""

import json

import pytest

from bench import cost, order
from ops.cost import estimate
from tests.ops.command import Command
from tests.ops.moto_stack import moto_stack


@pytest.fixture(scope="module")
def usages() -> dict[int, order.Usage]:
    """What orders of one item and of ten take, counted once."""
    return {usage.items: usage for usage in order.count(1, 10)}


@pytest.fixture
def orders(usages: dict[int, order.Usage], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, which counts nothing anew."""
    monkeypatch.setattr(order, "count", lambda items: [usages[items]])
    with moto_stack() as stack:
        return Command(stack, monkeypatch)


@pytest.mark.usefixtures("orders")
def test_what_orders_take_grows_with_them_and_what_stands_there_does_not() -> None:
    few, many = (estimate([n, 10 * n], items=1) for n in (1_000, 1_000_000))
    standing = {line.service for line in cost.per_month()}
    assert standing
    for line in (*few.lines, *many.lines):
        factor = 1 if line.service in standing else 10
        assert line.usd[1] == pytest.approx(factor * line.usd[0]), line


@pytest.mark.usefixtures("orders")
def test_the_total_is_of_all_lines_and_an_orders_share_of_it_falls() -> None:
    found = estimate([10_000, 1_000_000], items=10)
    for column, total in enumerate(found.total):
        assert total == pytest.approx(sum(line.usd[column] for line in found.lines))
        assert found.an_order[column] == pytest.approx(total / found.orders[column])
    assert found.an_order[0] > found.an_order[1]
    assert found.lines[0].usd[1] == max(line.usd[1] for line in found.lines)


@pytest.mark.usefixtures("orders")
def test_more_items_cost_more_write_units() -> None:
    def written(items: int) -> float:
        return next(line.usd[0] for line in estimate([1_000_000], items).lines if line.service == "DynamoDB")

    assert written(10) > written(1)


def test_the_costs_are_shown_at_the_volumes_that_were_named(orders: Command) -> None:
    shown = orders("cost", "--orders", "10000", "-n", "1000000", "--items", "1")
    assert shown.code == 0
    for told in ("10,000 orders", "1,000,000 orders", "together", cost.PRICES_AS_OF, "Left out: free tiers"):
        assert told in shown.out
    found = orders.json("cost", "--items", "10", schema="cost")
    assert found["orders"] == [10_000, 1_000_000, 100_000_000]
    assert json.dumps(found["lines"]).count("SES")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--orders", "0"), "--orders: must be a whole number from 1 to 1000000000, in digits alone, not '0'"),
        (("--orders", "many"), "--orders: must be a whole number"),
        (("--items", "100"), "--items: must be a whole number from 1 to 99, in digits alone, not '100'"),
    ],
)
def test_a_volume_that_is_none_is_bad_input(orders: Command, arguments: tuple[str, ...], told: str) -> None:
    answer = orders("cost", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert told in answer.err
