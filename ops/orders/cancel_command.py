"""`orders cancel`: one order closed permanently."""

from typing import Annotated

import typer

from functions.shared import row
from ops.contract import rules
from ops.errors import Refused
from ops.orders import cancel as cancelling
from ops.orders.filters import OrderArgument
from ops.orders.ledger import Orders
from ops.stack import Stack
from ops.tables.order_row import OrderRow, items_in_words
from ops.terminal import screen
from ops.terminal.options import YesOption, ask_person, with_stack


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
