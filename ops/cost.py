"""What the system costs a month, by the same model as the benchmark: counted on the real handlers, at list prices."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench import cost, order


@dataclass(frozen=True)
class Line:
    """One service's dollars a month at each of the volumes, and what for."""

    service: str
    usd: tuple[float, ...]
    what_for: str


@dataclass(frozen=True)
class Estimate:
    """The dollars a month at some volumes, orders a month each, for orders of `items` different items."""

    orders: tuple[int, ...]
    items: int
    prices_as_of: str
    lines: tuple[Line, ...]
    total: tuple[float, ...]
    an_order: tuple[float, ...]  # the total over the orders


def estimate(orders: Sequence[int], items: int) -> Estimate:
    """Take one order through the real handlers, count what it takes, and price it; a few seconds."""
    (usage,) = order.count(items)
    lines = (
        *(Line(line.service, tuple(line.usd * n for n in orders), line.note) for line in cost.per_order(usage)),
        *(Line(line.service, (line.usd,) * len(orders), line.note) for line in cost.per_month()),
    )
    total = tuple(sum(column) for column in zip(*(line.usd for line in lines), strict=True))
    return Estimate(
        orders=tuple(orders),
        items=items,
        prices_as_of=cost.PRICES_AS_OF,
        lines=tuple(sorted(lines, key=lambda line: line.usd[-1], reverse=True)),
        total=total,
        an_order=tuple(dollars / n for dollars, n in zip(total, orders, strict=True)),
    )
