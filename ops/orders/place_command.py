"""`orders place`: orders published as a shop does it, and how they ended."""

from typing import Annotated

import typer

from functions.shared.message import MOST_PIECES
from functions.shared.order import Order
from ops.contract import rules
from ops.errors import BadInput
from ops.orders.answers import PlaceAnswer, PlacedOrder, describe_end
from ops.orders.ledger import Orders
from ops.orders.publish import End, Expected, new_order_id, publish_order, read_orders, wait_for
from ops.stack import Stack
from ops.terminal import files, screen
from ops.terminal.options import JsonOption, with_stack
from ops.terminal.working import show_working

WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until it has come to its end, and show how.")]
TimeoutOption = Annotated[
    str, typer.Option("--timeout", metavar="TIME", help="With --wait: how long to wait at most, as in 90s or 2h.")
]


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
        columns = {"order": "left", "status": "left", "mail": "left", "execution": "left", "took": "right", "": "text"}
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
