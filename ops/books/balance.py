"""The rules for stock, orders and mails that `orders check`, `make load`, the drills and the tests all check.

At every instant, per item: what its movements add up to = what is available + what CONFIRMED orders hold. Every
function takes what was read and returns what is wrong, in words; nothing, if all is well.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from functions.shared import row
from ops.tables.order_row import OrderRow

# The statuses that the mail of an order may have, by the order's; there is none of any other order.
_MAILS: Final[Mapping[str | None, frozenset[str | None]]] = {
    row.CONFIRMED: frozenset(row.MAIL_FOLLOWED_BY),
    row.CANCELLED: row.MAIL_NOT_LEFT,
}
_NO_MAIL: Final[frozenset[str | None]] = frozenset({None})
# With one of these a mail is out, or may be.
_MAY_BE_OUT: Final = row.MAIL_LEFT | {row.MAIL_SENDING, row.MAIL_UNKNOWN}


@dataclass(frozen=True, slots=True)
class Balance:
    """An item's pieces: what its movements add up to, what is available, and what CONFIRMED orders hold."""

    moved: int = 0
    available: int = 0
    held: int = 0

    @property
    def difference(self) -> int:
        """How many pieces more (below 0: fewer) are found than the movements account for."""
        return self.available + self.held - self.moved


def count_held(orders: Iterable[row.Row]) -> Counter[str]:
    """Add up the pieces of each item that orders hold."""
    held = Counter[str]()
    for order in orders:
        for line in order.held:
            held[line.item_id] += line.quantity
    return held


def find_imbalances(
    orders: Iterable[row.Row], *, available: Mapping[str, int], moved: Mapping[str, int]
) -> Iterator[str]:
    """Check every item that was moved, is available or is held."""
    held = count_held(orders)
    for item_id in sorted({*moved, *available, *held}):
        found = Balance(moved.get(item_id, 0), available.get(item_id, 0), held[item_id])
        for problem in check_balance(found):
            yield f"item {item_id}: {problem}: {found.available} available and {found.held} held, of {found.moved}"


def check_balance(balance: Balance) -> Iterator[str]:
    """Check one item."""
    if balance.available < 0:
        yield f"{balance.available} available: less than nothing"
    if difference := balance.difference:
        yield f"{abs(difference)} {'too many' if difference > 0 else 'missing'}"


def check_order(order: OrderRow) -> Iterator[str]:
    """Check an order's row by itself, at any instant."""
    if order.status not in row.ENDS | {row.PROCESSING}:
        yield f"unknown status {order.status}" if order.status else "has no status"
    yield from map(str, order.problems)
    if order.email_status not in row.MAIL_FOLLOWED_BY:
        yield f"unknown email_status {order.email_status}"
    elif order.email_status not in _MAILS.get(order.status, _NO_MAIL):
        yield f"a mail ({order.email_status}), though it is {order.status}"


def check_mails(order: row.Row, mails: int, *, is_shown: bool) -> Iterator[str]:
    """Check an order that has settled against the number of its mails that left.

    `is_shown` says whether a person can see that one is missing: by an execution that failed, or by SES's rejection.
    """
    if mails > 1:
        yield f"{mails} mails"
    if mails and order.status != row.CONFIRMED:
        yield f"a mail, though it is {order.status}"
    if order.email_status in row.MAIL_LEFT and not mails:
        yield f"no mail, its row says {order.email_status}"
    if mails and order.email_status not in _MAY_BE_OUT:
        yield f"a mail, its row says {order.email_status}"
    if order.status == row.CONFIRMED and order.email_status not in row.MAIL_LEFT and not is_shown:
        yield f"mail {order.email_status}, and no execution that failed shows it"
