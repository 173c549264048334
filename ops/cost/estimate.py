"""What the system costs a month, by the same model as the benchmark: counted on the real handlers, at list prices."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Final

from ops.cost import prices
from ops.cost.prices import OrderUsage

# What the benchmark counted; a test counts anew and compares. No benchmark is there where only the wheel is.
COUNTS: Final = Path(__file__).with_name("counts.json")


@dataclass(frozen=True)
class CostLine:
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
    lines: tuple[CostLine, ...]
    total: tuple[float, ...]
    an_order: tuple[float, ...]  # the total over the orders


def estimate(orders: Sequence[int], items: int) -> Estimate:
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
