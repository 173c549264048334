"""`orders place`, `show`, `list`, `cancel` and `stuck`: what an operator asks of orders, and does to them."""

import heapq
from collections.abc import Iterable, Iterator
from typing import Annotated, Final

import typer

from functions.shared import row
from functions.shared.message import MOST_PIECES
from functions.shared.order import Order
from ops.dead_letters import queues as dead_letters
from ops.errors import BadInput, Refused
from ops.orders import cancel as cancelling
from ops.orders import stuck
from ops.orders import view as order_view
from ops.orders.answers import (
    ListAnswer,
    PlaceAnswer,
    PlacedOrder,
    StuckAnswer,
    describe_end,
    describe_order,
    describe_row,
)
from ops.orders.filters import MailOption, OlderThanOption, SinceOption, StatusOption, choose_orders
from ops.orders.ledger import Orders, is_explained
from ops.orders.next_step import next_step
from ops.orders.publish import End, Expected, new_order_id, publish_order, read_orders, wait_for
from ops.stack import Stack
from ops.tables.order_row import OrderRow, changed_at, items_in_words
from ops.terminal import files, rules, screen
from ops.terminal.options import JsonOption, YesOption, ask_person, with_stack
from ops.terminal.working import show_working

_LONGEST_ITEMS: Final = 40  # characters of the items in a list

OrderArgument = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id.", show_default=False)]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until it has come to its end, and show how.")]
TimeoutOption = Annotated[
    str, typer.Option("--timeout", metavar="TIME", help="With --wait: how long to wait at most, as in 90s or 2h.")
]


# ---------------------------------------------------------------------------------------------------- place


@with_stack
def place(
    stack: Stack,
    *,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE", help="An order as JSON, or a list of them; - reads standard input.", show_default=False
        ),
    ] = None,
    item: Annotated[
        list[str] | None,
        typer.Option(
            "--item", metavar="ITEM=QUANTITY", help="An item of the order; once for each.", show_default=False
        ),
    ] = None,
    email: Annotated[str | None, typer.Option("--email", help="The customer's address.", show_default=False)] = None,
    order_id: Annotated[
        str | None, typer.Option("--order-id", help="The order's id; without, a new one.", show_default=False)
    ] = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = "10m",
    json: JsonOption = False,
) -> None:
    """Place an order, as a shop does: from a file, or from --item and --email.

    All of them are checked before the first is published. Placed twice, an order is processed once. With --wait the
    exit code is 1 if one did not end CONFIRMED, with its mail sent.
    """
    orders = _build_orders(item, email, order_id) if file is None else _read_orders(file, item or email or order_id)
    patience = rules.read_duration("--timeout", timeout)
    expected = [Expected.of(Orders.of(stack), order) for order in orders] if wait else []
    _publish_orders(stack, orders)
    if not wait:
        return say_placed(orders, json=json)
    with show_working(screen.err, "waiting for the end") as tell:
        ends = list(wait_for(stack, expected, patience=patience, tell=tell))
    return say_ends(ends, json=json)


def _build_orders(items: list[str] | None, email: str | None, order_id: str | None) -> list[Order]:
    if not items or email is None:
        raise BadInput("an order is needed: a FILE, or --item ITEM=QUANTITY (once for each) and --email ADDRESS")
    lines = [
        {
            "item_id": rules.item_id("--item", name),
            "quantity": rules.whole_number("--item", quantity, least=1, most=MOST_PIECES),
        }
        for name, quantity in map(_split_item, items)
    ]
    id_ = new_order_id() if order_id is None else rules.order_id("--order-id", order_id)
    content = {"order_id": id_, "customer_email": rules.email("--email", email), "items": lines}
    return read_orders(screen.as_json(content), "the order")


def _split_item(item: str) -> tuple[str, str]:
    name, sign, quantity = item.rpartition("=")
    if not sign:
        raise BadInput(f"--item: must be ITEM=QUANTITY, as in item001=2, not {item!r}")
    return name, quantity


def _read_orders(file: str, beside: object) -> list[Order]:
    if beside:
        raise BadInput("FILE: --item, --email and --order-id are for an order without a file")
    return read_orders(files.read_text(file), files.name_source(file))


def _publish_orders(stack: Stack, orders: list[Order]) -> None:
    done = 0
    try:
        with show_working(screen.err, f"publishing {len(orders)} orders" if len(orders) > 1 else "publishing") as tell:
            for order in orders:
                publish_order(stack, order)
                done += 1
                tell(f"publishing: {done} of {len(orders)} orders")
    finally:
        if done < len(orders):
            screen.print_note(f"{done} of {len(orders)} orders were published; to place all of them again is safe")


def say_placed(orders: list[Order], *, json: bool) -> None:
    """Print the orders that were published, a line each."""
    if json:
        return screen.show_json(PlaceAnswer([PlacedOrder(order.order_id, None) for order in orders]))
    for order in orders:
        screen.print_line(order.order_id)
    return None


def say_ends(ends: list[End], *, json: bool) -> None:
    """Print how orders ended; exit code 1 unless all ended well."""
    if json:
        screen.show_json(PlaceAnswer([PlacedOrder(end.order_id, describe_end(end)) for end in ends]))
    else:
        columns = {"order": "left", "status": "left", "mail": "left", "execution": "left", "took": "right", "": "left"}
        screen.print_table(columns, map(_end_cells, ends), empty="")
    if not all(end.is_good for end in ends):
        raise typer.Exit(1)


def _end_cells(end: End) -> tuple[object, ...]:
    execution, found = end.execution, end.row
    return (
        end.order_id,
        found.status if found else None,
        found.email_status if found else None,
        execution.status if execution else None,
        f"{execution.seconds:.1f} s" if execution and execution.seconds is not None else None,
        end.refused or (found.status_reason or found.email_error if found else None) or _describe_unended(end),
    )


def _describe_unended(end: End) -> str | None:
    if end.has_come:
        return None
    return "still running" if end.execution else "no execution yet; is it a dead letter? `orders dlq list`"


# ---------------------------------------------------------------------------------------------------- show, list


@with_stack
def show(stack: Stack, order: OrderArgument, json: JsonOption = False) -> None:
    """Show all that is known of an order: its row, its executions, its mail, its dead letters, and what to do next.

    Dead letters are only looked for where row and executions do not account for the order: nobody else sees them
    meanwhile. Exit code 1 if it is not known, or if some dead letters could not be read.
    """
    rules.order_id("ORDER", order)
    orders = Orders.of(stack)
    with show_working(screen.err, f"looking for {order}"):
        found = orders.row(order)
        attempts = orders.attempts(order, at_least=(found.attempt or 0) if found else 0)
        latest = attempts[-1] if attempts else None
        peek = None if is_explained(found, latest) else dead_letters.peek_queues(stack)
    letters = [letter for letter in peek.letters if letter.order_id == order] if peek else []
    gap = peek.gap if peek else None
    if not (found or attempts or letters):
        raise Refused(
            f"{order}: nothing is known of it: no row, no execution, no dead letter" + (f"; {gap}" if gap else "")
        )
    advice = next_step(found, latest, letters)
    if json:
        unread = peek.unread if peek else None
        screen.show_json(describe_order(order, found, attempts, letters, advice, unread=unread))
    else:
        screen.print_picture(order_view.draw_order(order, found, attempts, letters, advice))
    if gap:
        raise Refused(gap)


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


# ---------------------------------------------------------------------------------------------------- cancel


@with_stack
def cancel(
    stack: Stack,
    order: OrderArgument,
    reason: Annotated[
        str, typer.Option("--reason", "-r", help="Why; it stays with the order.")
    ] = "cancelled by an operator",
    yes: YesOption = False,
) -> None:
    """Cancel an order whose customer has not been notified yet, permanently; what it holds goes back to the stock.

    An order that nobody has placed yet is closed too: it will not be processed when it comes.
    """
    rules.order_id("ORDER", order)
    why = rules.read_reason(reason)
    found = Orders.of(stack).row(order)
    _refuse_early(found)
    if not (found and found.status == row.CANCELLED):
        ask_person(_word_question(order, found), yes=yes)
    done = cancelling.cancel_order(cancelling.CancelStore.of(stack), order, why)
    if done.already:
        screen.print_line(f"{order}: it is CANCELLED already")
    else:
        given_back = items_in_words(done.given_back)
        screen.print_line(f"{order}: CANCELLED; " + (f"given back: {given_back}" if given_back else "it held nothing"))


def _refuse_early(found: OrderRow | None) -> None:
    """Refuse what cannot be cancelled before anybody is asked."""
    if found is None:
        return
    if refusal := cancelling.why_not(found):
        raise Refused(refusal)


def _word_question(order: str, found: OrderRow | None) -> str:
    if found is None:
        return f"Nothing is known of order {order}. Close its id, so that it is not processed when it comes?"
    held = f"{items_in_words(found.lines)} for {found.customer_email}"
    return f"Order {order} is {found.status}: {held}. Cancel it permanently?"


# ---------------------------------------------------------------------------------------------------- stuck


@with_stack
def stuck_(
    stack: Stack,
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="TIME", help="Orders unchanged for this long are stuck, as in 10m or 2h."),
    ] = "2h",
    json: JsonOption = False,
) -> None:
    """Find orders that are stuck, and say what to do about each: exit code 1 if there is any.

    Orders that nobody works on, mails that did not leave or may not have, executions that run for too long. It reads
    the whole table: with millions of orders that takes minutes.
    """
    age = rules.read_duration("--older-than", older_than)
    with show_working(screen.err, "looking") as tell:
        found = stuck.find_stuck(Orders.of(stack), age, tell)
    if json:
        screen.show_json(StuckAnswer(found))
    elif not found:
        screen.print_line("nothing is stuck")
    else:
        for one in found:  # no table, which would break the commands to paste into cells
            still = f", for {screen.format_age(one.since)}" if one.since else ""
            screen.print_line(f"{screen.shorten_text(one.order_id)}{still}: {one.what}")
            screen.print_line(f"  {one.advice}")
    if found:
        raise typer.Exit(1)
