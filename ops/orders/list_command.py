"""`orders list`: the orders that filters choose, as a table."""

import heapq
from collections.abc import Iterable, Iterator
from typing import Annotated, Final

import typer

from ops.contract import rules
from ops.orders import view as order_view
from ops.orders.answers import ListAnswer, describe_row
from ops.orders.filters import MailOption, OlderThanOption, SinceOption, StatusOption, choose_orders
from ops.orders.ledger import Orders
from ops.stack import Stack
from ops.tables.order_row import OrderRow, changed_at, items_in_words
from ops.terminal import screen
from ops.terminal.options import JsonOption, with_stack
from ops.terminal.working import show_working

_LONGEST_ITEMS: Final = 40  # characters of the items in a list


@with_stack
def list_(
    stack: Stack,
    *,
    status: StatusOption = None,
    mail: MailOption = None,
    since: SinceOption = None,
    older_than: OlderThanOption = None,
    limit: Annotated[str, typer.Option("--limit", "-n", metavar="N", help="So many at most, the newest.")] = "50",
    json: JsonOption = False,
) -> None:
    """List orders, those that changed last first.

    It reads the whole table: with millions of orders that takes minutes. A row without updated_at, which no function
    writes, fits neither --since nor --older-than.
    """
    wanted, most = choose_orders(status, mail, since, older_than), rules.whole_number("--limit", limit, least=1)
    with show_working(screen.err, "reading the orders") as tell:
        counted = _Counted(Orders.of(stack).scan(wanted.parameters(), lambda read: tell(f"{read} orders read")))
        found = heapq.nlargest(most, counted, key=changed_at)
    if json:
        return screen.show_json(ListAnswer([describe_row(one) for one in found], counted.number))
    columns = {
        "order": "left",
        "status": "left",
        "attempt": "right",
        "mail": "left",
        "items": "left",
        "changed": "right",
    }
    screen.print_table(columns, map(_list_cells, found), empty="no such order")
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


def _list_cells(found: OrderRow) -> tuple[object, ...]:
    items = items_in_words(found.lines)
    short = items if len(items) <= _LONGEST_ITEMS else items[: _LONGEST_ITEMS - 1] + "…"
    changed = f"{screen.format_age(found.updated_at)} ago" if found.updated_at else None
    return found.order_id, found.status, found.attempt, found.email_status, short, changed
