"""`orders show`: all that is known of one order."""

from typing import Annotated

import typer

from ops.contract import rules
from ops.dead_letters import queues as dead_letters
from ops.errors import Refused
from ops.orders import view as order_view
from ops.orders.answers import describe_order
from ops.orders.filters import OrderArgument
from ops.orders.ledger import Orders, is_explained
from ops.orders.next_step import next_step
from ops.stack import Stack
from ops.terminal import screen
from ops.terminal.options import JsonOption, with_stack
from ops.terminal.working import show_working


@with_stack
def show(
    stack: Stack,
    order: OrderArgument,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Also the stack traces of what was raised; --json has them always.")
    ] = False,
    json: JsonOption = False,
) -> None:
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
        screen.print_picture(order_view.draw_order(order, found, attempts, letters, advice, verbose=verbose))
    if gap:
        raise Refused(gap)
