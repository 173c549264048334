"""The monthly cost of the system at list prices, from usage that the benchmark counted on the real handlers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Annotated, Final

from functions.shared.order import MOST_ITEMS
from ops.contract.kinds import Positive
from ops.cost import prices
from ops.cost.prices import OrderUsage

# Written by the benchmark and shipped in the wheel, which has no benchmark. A test counts again and compares.
COUNTS: Final = Path(__file__).with_name("counts.json")

Dollars = Annotated[float, ("minimum", 0)]


@dataclass(frozen=True)
class CostLine:
    """A service."""

    service: str
    """Its name"""
    usd: tuple[Dollars, ...]
    """Dollars a month at each volume"""
    what_for: str
    """The usage of one order, or a description of the service"""


@dataclass(frozen=True)
class Estimate:
    """The monthly cost of the system, at list prices without free tiers."""

    orders: tuple[Positive, ...]
    """The volumes: orders a month; every list of dollars has one entry for each"""
    items: Annotated[int, ("minimum", 1), ("maximum", MOST_ITEMS)]
    """Different items in an order"""
    prices_as_of: str
    """When and for where the prices were known"""
    lines: tuple[CostLine, ...]
    """The dearest at the last volume first"""
    total: tuple[Dollars, ...]
    """Dollars a month at each volume"""
    an_order: tuple[Dollars, ...]
    """Dollars an order at each volume"""


def estimate_cost(orders: Sequence[int], items: int) -> Estimate:
    """Price what the benchmark counted that an order of so many items takes."""
    usage = usage_of(items)
    lines = (
        *(CostLine(line.service, tuple(line.usd * n for n in orders), line.note) for line in prices.per_order(usage)),
        *(CostLine(line.service, (line.usd,) * len(orders), line.note) for line in prices.per_month()),
    )
    total = tuple(sum(column) for column in zip(*(line.usd for line in lines), strict=True))
    return Estimate(
        orders=tuple(orders),
        items=items,
        prices_as_of=prices.PRICES_AS_OF,
        lines=tuple(sorted(lines, key=lambda line: line.usd[-1], reverse=True)),
        total=total,
        an_order=tuple(dollars / n for dollars, n in zip(total, orders, strict=True)),
    )


def usage_of(items: int) -> OrderUsage:
    """Return what an order of so many items takes; between two sizes that were counted, in proportion, rounded up."""
    counts = read_counts()
    for fewer, more in pairwise(counts):
        if fewer["items"] <= items <= more["items"]:
            share = (items - fewer["items"]) / (more["items"] - fewer["items"])
            return OrderUsage(**{name: ceil(fewer[name] + share * (more[name] - fewer[name])) for name in fewer})
    raise ValueError(f"counted were {counts[0]['items']} to {counts[-1]['items']} items an order, not {items}")


def read_counts() -> list[dict[str, int]]:
    """Return what was counted, from the fewest items to the most."""
    counts: list[dict[str, int]] = json.loads(COUNTS.read_text(encoding="utf-8"))
    return counts
