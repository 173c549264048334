"""`orders stuck`: orders and executions that need a person, with the advice for each."""

from typing import Annotated

import typer

from ops.contract import rules
from ops.orders import stuck
from ops.orders.answers import StuckAnswer
from ops.orders.ledger import Orders
from ops.stack import Stack
from ops.terminal import screen
from ops.terminal.options import JsonOption, with_stack
from ops.terminal.working import show_working


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
