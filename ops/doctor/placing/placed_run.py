"""One run of the placing probes: the stock and the orders that they share, and how long each waits for what."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from functions.shared.order import Order
from ops.doctor.errors import NotBegun
from ops.doctor.own_names import REASON, make_order, name_item, name_run
from ops.doctor.subject import Subject
from ops.orders.ledger import Orders
from ops.orders.publish import End, Expected, publish_order, wait_for
from ops.stock.movements import Stock
from ops.tables.order_row import OrderRow

T = TypeVar("T")

GROUP: Final = "A run of its own"
# What probes rest on: B0 puts the run's item into stock, and B1 publishes the order that some look at again.
ON_STOCK: Final = ("B0",)
ON_ORDER: Final = ("B0", "B1")
PIECES: Final = 10  # put into stock; every order takes one, and one asks for far more
# Seconds from publishing an order to its end; the functions may all be cold.
ENDS_WITHIN: Final = 60.0
# Seconds in which the pieces add up again while orders move.
_ADDS_UP_WITHIN: Final = 10.0
_PAUSE: Final = 1.0  # between two looks
# Between this clock and AWS's, which refuses what is signed more than five minutes off:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
CLOCK_SLACK: Final = timedelta(minutes=6)


def read_deployment(subject: Subject) -> str | None:
    """Give the stack's status while a deployment is under way; otherwise None."""
    status = subject.describe_stack()["StackStatus"]
    return status if status.endswith("_IN_PROGRESS") else None


@dataclass(frozen=True)
class Placed:
    """An order of the run, and when it was placed by the run's clock."""

    order: Order
    at: float


@dataclass
class Run:
    """What the probes of one command line place. The clock counts seconds; tests give one that needs no time."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    placed: dict[str, Placed] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)  # ids of orders, also of those that were placed by half
    has_stock: bool = False
    counted: list[str] = field(default_factory=list)  # metrics of the functions that count more of it than orders

    @property
    def id(self) -> str:
        """The beginning of all that it places."""
        return name_run(self.began)

    @property
    def item_id(self) -> str:
        """The item that its orders are of."""
        return name_item(self.id)

    def add_stock(self, subject: Subject) -> None:
        """Put the pieces into stock that the orders take."""
        Stock.of(subject.stack).add(self.item_id, PIECES, REASON)
        self.has_stock = True

    def place(
        self, kind: str, place: Callable[[Order], object], *, mailbox: str = "success", quantity: int = 1
    ) -> None:
        """Place an order of this kind as `place` does it, once there is stock for it.

        Raises:
            NotBegun: there is none, so that any order would be rejected.
        """
        if not self.has_stock:
            raise NotBegun("not tried: there is no stock for its order (B0)")
        order = make_order(self.id, kind, mailbox=mailbox, quantity=quantity)
        self.tried.append(order.order_id)
        place(order)
        self.placed[kind] = Placed(order, self.clock())

    def publish(self, subject: Subject, kind: str, *, mailbox: str = "success", quantity: int = 1) -> None:
        """Publish an order of this kind, as a shop does."""
        self.place(kind, lambda order: publish_order(subject.stack, order), mailbox=mailbox, quantity=quantity)

    def wait_for_end(self, subject: Subject, kind: str) -> End:
        """Wait for the end of a published order, or until its time is up."""
        placed = self.placed[kind]
        left = placed.at + ENDS_WITHIN - self.clock()
        (end,) = wait_for(
            subject.stack,
            [Expected(placed.order, 1)],
            patience=timedelta(seconds=max(0.0, left)),
            tell=lambda _text: None,
            clock=self.clock,
            pause=self.pause,
        )
        return end

    def wait_for_row(
        self, subject: Subject, kind: str, accept: Callable[[OrderRow], bool], *, within: float
    ) -> OrderRow | None:
        """Wait, from when it was placed, until an order's row is as it should be; None if there is no row."""
        placed, orders = self.placed[kind], Orders.of(subject.stack)
        return self.wait_until(
            lambda: orders.row(placed.order.order_id),
            lambda found: found is not None and accept(found),
            until=placed.at + within,
        )

    def count_pieces(self, subject: Subject) -> int:
        """Add up what is available and what the run's orders hold, which is `PIECES` if none was lost or gained."""
        return self.wait_until(
            lambda: self._add_up(subject),
            lambda pieces: pieces == PIECES,
            until=self.clock() + _ADDS_UP_WITHIN,
        )

    def measure_since(self, kind: str) -> str:
        """Say how long ago an order was placed."""
        return f"{self.clock() - self.placed[kind].at:.0f} s"

    def wait_until(
        self, look: Callable[[], T], accept: Callable[[T], bool], *, until: float, every: float = _PAUSE
    ) -> T:
        """Look every so many seconds until what is found is accepted or the time is up; gives what was found last."""
        while not accept(found := look()) and self.clock() < until:
            self.pause(every)
        return found

    def _add_up(self, subject: Subject) -> int:
        item = Stock.of(subject.stack).item(self.item_id)
        rows = Orders.of(subject.stack).rows_of(self.tried).values()
        held = sum(line.quantity for found in rows for line in found.held)
        return ((item.available if item else 0) or 0) + held
