"""`orders list`: the orders that filters choose, as a table."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated

import typer

from ops.contract import rules
from ops.orders import view as order_view
from ops.orders.answers import ListAnswer, describe_row
from ops.orders.filters import MailOption, OlderThanOption, SinceOption, StatusOption, choose_orders
from ops.orders.ledger import Orders
from ops.stack import Stack
from ops.tables.order_row import OrderRow, changed_at
from ops.terminal import screen
from ops.terminal.options import JsonOption, with_stack
from ops.terminal.working import show_working


@with_stack
def list_(
    stack: Stack,
    *,
    status: StatusOption = None,
    mail: MailOption = None,
    since: SinceOption = None,
    older_than: OlderThanOption = None,
    item: Annotated[str | None, typer.Option("--item", metavar="ITEM", help="Only orders of this item.")] = None,
    limit: Annotated[str, typer.Option("--limit", "-n", metavar="N", help="So many at most, the newest.")] = "50",
    json: JsonOption = False,
) -> None:
    """List orders, those that changed last first.

    It reads the whole table: with millions of orders that takes minutes. A row without updated_at, which no function
    writes, fits neither --since nor --older-than.
    """
    if item is not None:
        rules.item_id("--item", item)
    wanted, most = choose_orders(status, mail, since, older_than), rules.whole_number("--limit", limit, least=1)
    with show_working(screen.err, "reading the orders") as tell:
        rows = Orders.of(stack).scan(wanted.parameters(), lambda read: tell(f"{read} orders read"))
        counted = _Counted(one for one in rows if item is None or item in {line.item_id for line in one.lines})
        found = heapq.nlargest(most, counted, key=changed_at)
    if json:
        return screen.show_json(ListAnswer([describe_row(one) for one in found], counted.number))
    chosen = any((status, mail, item, since, older_than))
    _print_orders(found, empty="no order fits" if chosen else "there are no orders yet")
    order_view.note_odd_rows(found)
    if counted.number > len(found):
        screen.print_note(f"the newest {len(found)} of {counted.number}; --limit shows more")
    return None


class _Counted:
    """Counts what passes through."""

    def __init__(self, rows: Iterable[OrderRow]) -> None:
        self._rows = rows
        self.number = 0

    def __iter__(self) -> Iterator[OrderRow]:
        for found in self._rows:
            self.number += 1
            yield found


def _print_orders(found: Sequence[OrderRow], empty: str) -> None:
    columns: dict[str, tuple[str, Callable[[OrderRow], object]]] = {
        "order": ("left", lambda one: one.order_id),
        "status": ("left", lambda one: one.status),
        "attempt": ("right", lambda one: one.attempt),
        "mail": ("left", lambda one: one.email_status),
        "changed": ("right", lambda one: f"{screen.format_age(one.updated_at)} ago" if one.updated_at else None),
        "items, and what went wrong": ("text", _draw_items_and_reason),
    }
    if all(one.attempt in (None, 1) for one in found):
        del columns["attempt"]
    rows = ([give_cell(one) for _, give_cell in columns.values()] for one in found)
    screen.print_table({name: kind for name, (kind, _) in columns.items()}, rows, empty=empty)


def _draw_items_and_reason(one: OrderRow) -> screen.Listing:
    return replace(order_view.draw_items(one), remark=one.status_reason or one.email_error)
