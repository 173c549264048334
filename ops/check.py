"""The proof that stock and orders agree, on a system that is running.

Per item, what its movements add up to = what is available + what CONFIRMED orders hold. Three tables cannot be read in
one instant, so what disagrees is read again. An order changes its row and the item's in one transaction: where two
readings show the very same row, movements and orders, nothing moved between them, and they do disagree.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from functions.shared import row
from functions.shared.order import Line
from ops.stack import Stack

_STATUSES: Final = frozenset({row.PROCESSING, row.CONFIRMED, row.REJECTED, row.FAILED, row.CANCELLED})
_MAILS: Final = row.MAIL_NOT_LEFT | row.MAIL_LEFT | {row.MAIL_SENDING, row.MAIL_UNKNOWN}
_READINGS: Final = 5
PAUSE_SECONDS: Final = 2.0

Value = Mapping[str, Any]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class StockRow:
    """An item's row; None is what is missing or no whole number. `movements` is its newest movement's number."""

    available: int | None
    movements: int | None = None


@dataclass(frozen=True)
class OrderRow:
    """An order's row; `attempt` and `lines` are None where they are missing or malformed."""

    status: str | None
    attempt: int | None = None
    lines: tuple[Line, ...] | None = None
    mail: str | None = None


@dataclass(frozen=True)
class Reading:
    """All three tables, read one after the other: stock, orders, movements (their changes by number, per item)."""

    stock: Mapping[str, StockRow]
    orders: Mapping[str, OrderRow]
    movements: Mapping[str, Mapping[int, int | None]]


@dataclass(frozen=True)
class Holder:
    """A CONFIRMED order that holds pieces of an item."""

    order_id: str
    quantity: int


@dataclass(frozen=True)
class WrongItem:
    """An item that does not add up: `difference` pieces more (below 0: fewer) than its movements account for.

    `holders` are the orders that hold it, those of just that many pieces first.
    """

    item_id: str
    problems: tuple[str, ...]
    expected: int
    available: int | None
    held: int
    difference: int
    holders: tuple[Holder, ...]
    evidence: object = field(repr=False, default=None)


@dataclass(frozen=True)
class WrongOrder:
    """An order whose row cannot be."""

    order_id: str
    problems: tuple[str, ...]
    evidence: object = field(repr=False, default=None)


Wrong = WrongItem | WrongOrder
_Key = tuple[type, str]


@dataclass(frozen=True)
class Report:
    """What was found: `wrong` for certain; `moving`, what kept changing and disagreed each time it was read."""

    items: int
    orders: int
    not_audited: tuple[str, ...]  # items that no movement accounts for
    wrong_items: tuple[WrongItem, ...]
    wrong_orders: tuple[WrongOrder, ...]
    moving: tuple[str, ...]
    readings: int

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong, and nothing had to be left open."""
        return not (self.wrong_items or self.wrong_orders or self.moving)


def check(read: Callable[[], Reading], pause: Callable[[], None], tell: Progress = lambda _text: None) -> Report:
    """Read until everything agrees, or disagrees twice with the same evidence, or has been read five times."""
    reading = read()
    suspects, certain = _judge(reading), list[Wrong]()
    readings = 1
    while suspects and readings < _READINGS:
        tell(f"{len(suspects)} disagree: reading again")
        pause()
        reading, readings = read(), readings + 1
        found = {key: wrong for key, wrong in _judge(reading).items() if key in suspects}
        settled = {key for key, wrong in found.items() if wrong.evidence == suspects[key].evidence}
        certain += [found[key] for key in settled]
        suspects = {key: wrong for key, wrong in found.items() if key not in settled}
    return Report(
        items=len(reading.stock.keys() | reading.movements.keys()),
        orders=len(reading.orders),
        not_audited=tuple(sorted(item for item in reading.stock if _is_not_audited(reading, item))),
        wrong_items=tuple(sorted((one for one in certain if isinstance(one, WrongItem)), key=lambda one: one.item_id)),
        wrong_orders=tuple(
            sorted((one for one in certain if isinstance(one, WrongOrder)), key=lambda one: one.order_id)
        ),
        moving=tuple(sorted(name for _, name in suspects)),
        readings=readings,
    )


def judge(reading: Reading) -> list[Wrong]:
    """Return what disagrees in one reading; on a system at rest that is what is wrong."""
    return [*_items(reading), *_orders(reading)]


def _judge(reading: Reading) -> dict[_Key, Wrong]:
    return {
        (type(wrong), wrong.item_id if isinstance(wrong, WrongItem) else wrong.order_id): wrong
        for wrong in judge(reading)
    }


def _is_not_audited(reading: Reading, item_id: str) -> bool:
    return not reading.stock[item_id].movements and not reading.movements.get(item_id)


def _items(reading: Reading) -> Iterator[WrongItem]:
    holders = _holders(reading.orders)
    for item_id in sorted(reading.stock.keys() | reading.movements.keys()):
        stock, changes = reading.stock.get(item_id), reading.movements.get(item_id, {})
        holding = holders.get(item_id, ())
        held = sum(holder.quantity for holder in holding)
        available = (stock.available if stock else None) or 0
        expected = sum(change or 0 for change in changes.values())
        audited = stock is None or not _is_not_audited(reading, item_id)
        difference = available + held - expected if audited else 0
        if problems := (*_of_row(stock), *_of_numbers(stock, changes), *_of_sum(difference)):
            fitting = sorted(holding, key=lambda one: (one.quantity != abs(difference), one.order_id))
            yield WrongItem(
                item_id=item_id,
                problems=problems,
                expected=expected,
                available=stock.available if stock else None,
                held=held,
                difference=difference,
                holders=tuple(fitting),
                evidence=(stock, dict(changes), frozenset(holding)),
            )


def _holders(orders: Mapping[str, OrderRow]) -> dict[str, list[Holder]]:
    holders: dict[str, list[Holder]] = {}
    for order_id, order in orders.items():
        if order.status == row.CONFIRMED:
            for line in order.lines or ():
                holders.setdefault(line.item_id, []).append(Holder(order_id, line.quantity))
    return holders


def _of_row(stock: StockRow | None) -> Iterator[str]:
    if stock is None:
        yield "has movements, and no row in the inventory"
    elif stock.available is None:
        yield "`available` must be a whole number"
    elif stock.available < 0:
        yield f"{stock.available} available: less than nothing"


def _of_numbers(stock: StockRow | None, changes: Mapping[int, int | None]) -> Iterator[str]:
    """The movements are numbered from 1 without a gap, and the row has the newest one's number."""
    newest = max(changes, default=0)
    if min(changes, default=1) < 1:
        yield "a movement's `number` must be a whole number from 1"
    if missing := [str(number) for number in range(1, newest + 1) if number not in changes]:
        yield f"missing: movement {', '.join(missing)}"
    if stock and (stock.movements or 0) != newest:
        yield f"its row counts {stock.movements or 0} movements, the newest one is number {newest}"
    for number, change in changes.items():
        if change is None:
            yield f"movement {number}: `change` must be a whole number"


def _of_sum(difference: int) -> Iterator[str]:
    if difference:
        yield f"{abs(difference)} {'too many' if difference > 0 else 'missing'}"


def _orders(reading: Reading) -> Iterator[WrongOrder]:
    for order_id, order in sorted(reading.orders.items()):
        if problems := tuple(_of_order(order, reading.stock)):
            yield WrongOrder(order_id, problems, evidence=(order, problems))


def _of_order(order: OrderRow, stock: Mapping[str, StockRow]) -> Iterator[str]:
    if order.status not in _STATUSES:
        yield f"unknown status {order.status}" if order.status else "has no status"
    if order.status != row.CANCELLED:  # that one may have been cancelled before it came
        if order.attempt is None:
            yield "`attempt` must be a whole number from 1"
        if order.lines is None:
            yield "`items` must be a list of item_id and quantity"
    if order.mail not in _MAILS:
        yield f"unknown email_status {order.mail}"
    elif order.mail not in row.MAIL_NOT_LEFT and order.status != row.CONFIRMED:
        yield f"a mail ({order.mail}), though it is {order.status}"
    if order.status == row.CONFIRMED:
        for item_id in sorted({line.item_id for line in order.lines or ()} - stock.keys()):
            yield f"holds {item_id}, which has no row in the inventory"


class Tables:
    """The three tables of a stack."""

    def __init__(self, dynamodb: Any, *, orders: str, inventory: str, movements: str) -> None:
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

    def read(self, tell: Progress = lambda _text: None) -> Reading:
        """Read all there is; an order's transaction that falls in between shows as a disagreement."""
        stock = {item["item_id"]["S"]: _stock(item) for page in self._pages(self._inventory) for item in page}
        orders: dict[str, OrderRow] = {}
        for page in self._pages(self._orders):
            orders |= {item["order_id"]["S"]: _order(item) for item in page}
            tell(f"reading: {len(orders):,} orders")
        movements: dict[str, dict[int, int | None]] = {}
        for item in (item for page in self._pages(self._movements) for item in page):
            changes = movements.setdefault(item["item_id"]["S"], {})
            changes[_whole(item["number"]) or 0] = _whole(item.get("change"))
        return Reading(stock, orders, movements)

    def _pages(self, table: str) -> Iterator[list[dict[str, Value]]]:
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
            yield page["Items"]


def _stock(item: dict[str, Value]) -> StockRow:
    return StockRow(_whole(item.get("available")), _whole(item.get("movements")))


def _order(item: dict[str, Value]) -> OrderRow:
    attempt = _whole(item.get("attempt"))
    return OrderRow(
        status=_text(item.get("status")),
        attempt=attempt if attempt and attempt > 0 else None,
        lines=_lines(item.get("items")),
        mail=_text(item.get("email_status")),
    )


def _lines(items: Value | None) -> tuple[Line, ...] | None:
    lines = [_line(line) for line in (items or {}).get("L", ())]
    return tuple(line for line in lines if line) if lines and all(lines) else None


def _line(line: Value) -> Line | None:
    fields = line.get("M", {})
    item_id, quantity = _text(fields.get("item_id")), _whole(fields.get("quantity"))
    return Line(item_id, quantity) if item_id and quantity and quantity > 0 else None


def _text(value: Value | None) -> str | None:
    return value.get("S") if value else None


def _whole(value: Value | None) -> int | None:
    try:
        return int(value["N"]) if value else None
    except (KeyError, ValueError):
        return None
