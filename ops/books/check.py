"""Checks that stock and orders agree, on a system that is running.

For each item, the sum of its movements = the available pieces + the pieces that CONFIRMED orders hold. Three tables
cannot be read in one instant, so items and orders that disagree are read again. An order changes its own row and the
item's in one transaction: if two readings show the same row, movements and orders, nothing moved between them, and the
difference is real.

To save memory, orders and movements are added up by item while they are read, and not kept. The orders that hold an
item are listed only for items that disagree, which are read again by their keys.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Final

from ops.books.balance import Balance, check_balance, check_order
from ops.contract.kinds import Count, Positive
from ops.stack import Stack
from ops.stock.movements import Movement, StockItem
from ops.tables.order_row import OrderRow
from ops.tables.scan import read_all, read_by_keys, read_confirmed, read_movements

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READINGS: Final = 5
_MOST_MISSING: Final = 10  # movements that are named
_TOLD_EVERY: Final = 1000
PAUSE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Holder:
    """A CONFIRMED order that holds pieces of an item."""

    order_id: str
    """The order's id"""
    quantity: Positive
    """How many pieces"""


@dataclass
class ItemLedger:
    """One reading of an item; `holders` and `numbers` (of its movements) are filled only when asked for."""

    stock: StockItem | None = None
    held: int = 0
    moved: int = 0
    count: int = 0  # of its movements
    newest: int = 0
    odd_numbers: int = 0
    odd_changes: tuple[int | None, ...] = ()
    orders: int = 0  # the holding orders as a sum of hashes, so that their names need no memory
    holders: list[Holder] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)

    def add_order(self, order: OrderRow, quantity: int, *, named: bool) -> None:
        """Count what a CONFIRMED order holds."""
        self.held += quantity
        self.orders += hash((order.order_id, order.attempt, quantity))
        if named:
            self.holders.append(Holder(order.order_id, quantity))

    def add_movement(self, movement: Movement, *, named: bool) -> None:
        """Count a movement."""
        self.moved += movement.change or 0
        self.count += 1
        self.newest = max(self.newest, movement.number or 0)
        self.odd_numbers += movement.number is None
        if movement.change is None:
            self.odd_changes += (movement.number,)
        if named and movement.number:
            self.numbers.add(movement.number)

    @property
    def evidence(self) -> object:
        """Values that are the same in two readings if nothing moved in between."""
        return self.stock, self.held, self.orders, self.moved, self.count, self.newest, self.odd_changes

    @property
    def is_audited(self) -> bool:
        """Whether movements account for it."""
        return self.stock is None or self.stock.movements != 0 or self.count > 0

    @property
    def balance(self) -> Balance:
        """The figures that have to add up; an item without movements always does."""
        available = (self.stock.available if self.stock else 0) or 0
        moved = self.moved if self.is_audited else available + self.held
        return Balance(moved, available, self.held)


@dataclass(frozen=True)
class WrongItem:
    """An item that does not add up."""

    item_id: str
    """Its id"""
    problems: Annotated[tuple[str, ...], ("minItems", 1)]
    """The problems, a sentence each"""
    expected: int
    """The sum of its movements"""
    available: int | None
    """Pieces that can be ordered; null if its row is gone or holds no whole number"""
    held: Count
    """Pieces that CONFIRMED orders hold"""
    difference: int
    """available + held - expected: above 0 too many, below 0 missing"""
    holders: tuple[Holder, ...]
    """The orders that hold it, those of just the difference first; known from the second reading on"""
    evidence: object = field(repr=False, default=None)


@dataclass(frozen=True)
class WrongOrder:
    """An order whose row breaks a rule."""

    order_id: str
    """Its id"""
    problems: Annotated[tuple[str, ...], ("minItems", 1)]
    """The problems, a sentence each"""
    evidence: object = field(repr=False, default=None)


@dataclass(frozen=True)
class Suspects:
    """Items and orders that disagreed in a reading and have to be read again."""

    items: Mapping[str, WrongItem]
    orders: Mapping[str, WrongOrder]

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.items or self.orders)

    def unmoved(self, before: "Suspects") -> "Suspects":
        """Return those that disagree with the very evidence of the reading before."""
        return Suspects(
            {name: wrong for name, wrong in self.items.items() if wrong.evidence == before.items[name].evidence},
            {name: wrong for name, wrong in self.orders.items() if wrong.evidence == before.orders[name].evidence},
        )

    def without(self, others: "Suspects") -> "Suspects":
        return Suspects(
            {name: wrong for name, wrong in self.items.items() if name not in others.items},
            {name: wrong for name, wrong in self.orders.items() if name not in others.orders},
        )


@dataclass(frozen=True)
class Report:
    """The result of a check."""

    items: Count
    """Items that were judged"""
    orders: Count
    """Orders that were judged"""
    not_audited: tuple[str, ...]
    """Items that no movement accounts for: of them only the row is judged"""
    wrong_items: tuple[WrongItem, ...]
    """Those that are wrong for certain; exit code 1 if there are any"""
    wrong_orders: tuple[WrongOrder, ...]
    """Those that are wrong for certain; exit code 1 if there are any"""
    moving: tuple[str, ...]
    """Items and orders, by their ids, that disagreed and kept moving, so that nothing is certain: exit code 3"""
    readings: Positive
    """How often the tables were read"""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong, and nothing had to be left open."""
        return not (self.wrong_items or self.wrong_orders or self.moving)


class Reading:
    """The tables added up by item: all items, or `only` some, with the names of the orders that hold them."""

    def __init__(self, only: Collection[str] | None = None) -> None:
        self.orders = 0
        self.ledgers: dict[str, ItemLedger] = {}
        self.wrong_orders: dict[str, WrongOrder] = {}
        self._only = only

    def add_stock(self, item: StockItem) -> None:
        """Take an item's row; all of them before the orders, which are judged by them."""
        self._make_ledger(item.item_id).stock = item

    def judge(self, order: OrderRow) -> None:
        """Keep an order whose row breaks a rule."""
        self.orders += 1
        if problems := tuple(self._of_order(order)):
            self.wrong_orders[order.order_id] = WrongOrder(order.order_id, problems, evidence=(order, problems))

    def add_order(self, order: OrderRow) -> None:
        """Sum up what an order holds."""
        for line in order.held:
            if self._only is None or line.item_id in self._only:
                self._make_ledger(line.item_id).add_order(order, line.quantity, named=self._only is not None)

    def add_movement(self, movement: Movement) -> None:
        """Sum up a movement."""
        self._make_ledger(movement.item_id).add_movement(movement, named=self._only is not None)

    @property
    def items(self) -> dict[str, ItemLedger]:
        """The ledgers of the items that there are: an order may hold one of which there is neither row nor movement."""
        return {item_id: ledger for item_id, ledger in self.ledgers.items() if ledger.stock or ledger.count}

    @property
    def suspects(self) -> Suspects:
        """Items and orders that disagree; on a system at rest these are the faults."""
        asked = (one for one in self.items.items() if self._only is None or one[0] in self._only)
        found = ((item_id, _judge_item(item_id, ledger)) for item_id, ledger in asked)
        return Suspects({item_id: wrong for item_id, wrong in found if wrong}, self.wrong_orders)

    def _make_ledger(self, item_id: str) -> ItemLedger:
        return self.ledgers.setdefault(item_id, ItemLedger())

    def _of_order(self, order: OrderRow) -> Iterator[str]:
        yield from check_order(order)
        for item_id in sorted({line.item_id for line in order.held}):
            if not ((ledger := self.ledgers.get(item_id)) and ledger.stock):
                yield f"holds {item_id}, which has no row in the inventory"


def check_books(
    tables: "Tables", pause: Callable[[], None], tell: Callable[[str], None] = lambda _text: None
) -> Report:
    """Read until everything agrees, or disagrees twice with the same evidence, or has been read five times."""
    first = _read_tables(tables, tell)
    suspects, items, orders = first.suspects, list[WrongItem](), list[WrongOrder]()
    readings = 1
    while suspects and readings < _READINGS:
        tell(f"{len(suspects.items) + len(suspects.orders)} disagree: reading them again")
        pause()
        found, readings = _read_again(tables, suspects).suspects, readings + 1
        certain = found.unmoved(suspects)
        items += certain.items.values()
        orders += certain.orders.values()
        suspects = found.without(certain)
    return Report(
        items=len(first.items),
        orders=first.orders,
        not_audited=tuple(sorted(item_id for item_id, ledger in first.items.items() if not ledger.is_audited)),
        wrong_items=tuple(sorted(items, key=lambda one: one.item_id)),
        wrong_orders=tuple(sorted(orders, key=lambda one: one.order_id)),
        moving=tuple(sorted([*suspects.items, *suspects.orders])),
        readings=readings,
    )


def _read_tables(tables: "Tables", tell: Callable[[str], None]) -> Reading:
    reading = Reading()
    for item in tables.stock():
        reading.add_stock(item)
    for order in tables.orders(tell):
        reading.judge(order)
        reading.add_order(order)
    for movement in tables.movements():
        reading.add_movement(movement)
    return reading


def _read_again(tables: "Tables", suspects: Suspects) -> Reading:
    """Read suspects by their keys; only a reading of all CONFIRMED orders shows who holds an item."""
    reading = Reading(only=suspects.items)
    orders = list(tables.orders_of(suspects.orders))
    for item in tables.stock_of({*suspects.items, *(line.item_id for order in orders for line in order.held)}):
        reading.add_stock(item)
    for order in orders:
        reading.judge(order)
    if suspects.items:
        for order in tables.confirmed():
            reading.add_order(order)
    for movement in tables.movements_of(suspects.items):
        reading.add_movement(movement)
    return reading


def _judge_item(item_id: str, ledger: ItemLedger) -> WrongItem | None:
    difference = ledger.balance.difference
    problems = (*_of_row(ledger.stock), *_of_numbers(ledger), *check_balance(ledger.balance))
    if not problems:
        return None
    fitting = sorted(ledger.holders, key=lambda one: (one.quantity != abs(difference), one.order_id))
    return WrongItem(
        item_id=item_id,
        problems=problems,
        expected=ledger.moved,
        available=ledger.stock.available if ledger.stock else None,
        held=ledger.held,
        difference=difference,
        holders=tuple(fitting),
        evidence=ledger.evidence,
    )


def _of_row(stock: StockItem | None) -> Iterator[str]:
    if stock is None:
        yield "has movements, and no row in the inventory"
    else:
        yield from map(str, stock.problems)


def _of_numbers(ledger: ItemLedger) -> Iterator[str]:
    """The movements are numbered from 1 without a gap, and the row has the newest one's number."""
    if ledger.odd_numbers:
        yield "a movement's `number` must be a whole number from 1"
    if ledger.newest != ledger.count - ledger.odd_numbers:
        yield f"missing: movement {_name_missing(ledger)}"
    counted = ledger.stock.movements if ledger.stock else None
    if counted is not None and counted != ledger.newest:
        yield f"its row counts {counted} movements, the newest one is number {ledger.newest}"
    for number in ledger.odd_changes:
        yield f"{f'movement {number}:' if number else 'a movement of no number:'} `change` must be a whole number"


def _name_missing(ledger: ItemLedger) -> str:
    """Name those that are missing, as far as a person reads that; numbers may be as large as anybody wrote them."""
    gaps = (str(number) for number in range(1, ledger.newest) if number not in ledger.numbers)
    named = list(islice(gaps, _MOST_MISSING))
    return ", ".join(named) + (", …" if next(gaps, None) else "")


class Tables:
    """The three tables of a stack, row by row; a Scan holds one page of up to a megabyte at a time."""

    def __init__(self, dynamodb: "DynamoDBClient", *, orders: str, inventory: str, movements: str) -> None:
        self._dynamodb = dynamodb
        self._orders = orders
        self._inventory = inventory
        self._movements = movements

    @classmethod
    def of(cls, stack: Stack) -> "Tables":
        """Give those of a deployed stack."""
        return cls(
            stack.client("dynamodb"),
            orders=stack["OrdersTableName"],
            inventory=stack["InventoryTableName"],
            movements=stack["StockMovementsTableName"],
        )

    def stock(self) -> Iterator[StockItem]:
        """Read the inventory."""
        return map(StockItem.from_item, read_all(self._dynamodb, self._inventory))

    def stock_of(self, item_ids: Collection[str]) -> Iterator[StockItem]:
        """Read some items."""
        return map(StockItem.from_item, read_by_keys(self._dynamodb, self._inventory, "item_id", item_ids))

    def orders(self, tell: Callable[[str], None] = lambda _text: None) -> Iterator[OrderRow]:
        for number, item in enumerate(read_all(self._dynamodb, self._orders), start=1):
            yield OrderRow.from_item(item)
            if not number % _TOLD_EVERY:
                tell(f"reading: {number:,} orders")

    def orders_of(self, order_ids: Collection[str]) -> Iterator[OrderRow]:
        """Read some orders."""
        return map(OrderRow.from_item, read_by_keys(self._dynamodb, self._orders, "order_id", order_ids))

    def confirmed(self) -> Iterator[OrderRow]:
        """Read what all CONFIRMED orders hold."""
        return map(OrderRow.from_item, read_confirmed(self._dynamodb, self._orders))

    def movements(self) -> Iterator[Movement]:
        return map(Movement.from_item, read_all(self._dynamodb, self._movements))

    def movements_of(self, item_ids: Collection[str]) -> Iterator[Movement]:
        """Read the movements of some items."""
        for item_id in item_ids:
            yield from map(Movement.from_item, read_movements(self._dynamodb, self._movements, item_id))
