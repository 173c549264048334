"""What the system costs a month: what an order takes, as often as it comes, and what stands there anyway."""

import json
from dataclasses import asdict

import pytest

from bench import cost, order
from functions.shared.order import MOST_ITEMS
from ops.cost import prices
from ops.cost.estimate import estimate_cost, read_counts, usage_of
from tests.ops.command import Command
from tests.ops.moto_stack import moto_stack


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> Command:
    with moto_stack() as stack:
        return Command(stack, monkeypatch)


def test_what_was_counted_is_what_the_functions_take() -> None:
    """Counted anew, for a small order and for the largest; `python -m bench.cost` writes the counts."""
    written = {count["items"]: count for count in read_counts()}
    assert tuple(written) == cost.COUNTED_ITEMS
    for usage in order.count_usage(1, MOST_ITEMS):
        counted, known = asdict(cost.add_up_usage(usage)), written[usage.items]
        # A line that names a duration is a digit longer or shorter.
        assert counted.pop("log_bytes") == pytest.approx(known.pop("log_bytes"), rel=0.02)
        assert counted == known


@pytest.mark.parametrize(("items", "units"), [(1, 9), (2, 11), (3, 13), (5, 17), (10, 27)])
def test_sizes_that_were_not_counted_lie_between_those_that_were(items: int, units: int) -> None:
    assert usage_of(items).write_units == units
    assert usage_of(items).items == items


def test_what_orders_take_grows_with_them_and_what_stands_there_does_not() -> None:
    few, many = (estimate_cost([n, 10 * n], items=1) for n in (1_000, 1_000_000))
    standing = {line.service for line in prices.per_month()}
    assert standing
    for line in (*few.lines, *many.lines):
        factor = 1 if line.service in standing else 10
        assert line.usd[1] == pytest.approx(factor * line.usd[0]), line


def test_the_total_is_of_all_lines_and_an_orders_share_of_it_falls() -> None:
    found = estimate_cost([10_000, 1_000_000], items=10)
    for column, total in enumerate(found.total):
        assert total == pytest.approx(sum(line.usd[column] for line in found.lines))
        assert found.an_order[column] == pytest.approx(total / found.orders[column])
    assert found.an_order[0] > found.an_order[1]
    assert found.lines[0].usd[1] == max(line.usd[1] for line in found.lines)


def test_more_items_cost_more_write_units() -> None:
    def written(items: int) -> float:
        return next(line.usd[0] for line in estimate_cost([1_000_000], items).lines if line.service == "DynamoDB")

    assert written(10) > written(1)


def test_the_costs_are_shown_at_the_volumes_that_were_named(orders: Command) -> None:
    shown = orders("cost", "--orders", "10000", "-n", "1000000", "--items", "1")
    assert shown.code == 0
    for told in ("10,000 orders", "1,000,000 orders", "together", prices.PRICES_AS_OF, "Left out: free tiers"):
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
