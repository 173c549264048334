"""The messages of a burst: good orders, and among them poison, duplicates and orders for more than there is."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

_ITEMS: Final = tuple(f"item{n:03}" for n in range(1, 21))
_MOST_LINES: Final = 3
_MOST_PIECES: Final = 5
_POISON, _DUPLICATE, _OUT_OF_STOCK = 0.05, 0.10, 0.10

# The mistakes of real publishers; each makes a body that no other message has.
_SPOILERS: Final[tuple[Callable[[dict[str, Any]], str], ...]] = (
    lambda order: json.dumps(order)[:-1],
    lambda order: json.dumps({**order, "items": []}),
    lambda order: json.dumps({**order, "items": [{"item_id": "item001", "quantity": "two"}]}),
    lambda order: json.dumps({**order, "customer_email": "nobody"}),
    lambda order: json.dumps({name: value for name, value in order.items() if name != "customer_email"}),
)


@dataclass(frozen=True)
class Burst:
    """The messages to publish, in order, and the stock that must be there before."""

    messages: tuple[str, ...]
    stock: dict[str, int]
    confirmed: int  # orders that must be, and so on; the four add up to the messages
    out_of_stock: int
    duplicates: int
    poison: int

    @property
    def orders(self) -> int:
        """How many of the messages are orders that nobody has published before."""
        return self.confirmed + self.out_of_stock


def make_burst(size: int, seed: int) -> Burst:
    """Make `size` messages, the same ones for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - to be repeatable, not secret
    poison, out_of_stock = round(size * _POISON), round(size * _OUT_OF_STOCK)
    confirmed = size - poison - out_of_stock - round(size * _DUPLICATE)
    good = [_make_order(n, chance) for n in range(confirmed)]
    greedy = [_too_much(_make_order(confirmed + n, chance), chance) for n in range(out_of_stock)]
    spoilt = [_SPOILERS[n % len(_SPOILERS)](_make_order(confirmed + out_of_stock + n, chance)) for n in range(poison)]
    first = [json.dumps(order) for order in good + greedy]
    again = [chance.choice(first) for _ in range(size - len(first) - poison)]
    messages = first + spoilt + again
    chance.shuffle(messages)
    return Burst(
        messages=tuple(messages),
        stock=dict.fromkeys(_ITEMS, size * _MOST_PIECES),
        confirmed=confirmed,
        out_of_stock=out_of_stock,
        duplicates=len(again),
        poison=poison,
    )


def _make_order(number: int, chance: random.Random) -> dict[str, Any]:
    items = chance.sample(_ITEMS, chance.randint(1, _MOST_LINES))
    return {
        "order_id": f"load-{number:05}",
        "customer_email": f"customer-{number:05}@example.com",
        "items": [{"item_id": item_id, "quantity": chance.randint(1, _MOST_PIECES)} for item_id in items],
    }


def _too_much(order: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """One of its lines wants more than there ever was, or an item that nobody has."""
    line: dict[str, Any] = chance.choice([{"quantity": 1_000_000}, {"item_id": "no-such-item"}])
    return {**order, "items": [*order["items"][:-1], {**order["items"][-1], **line}]}
