"""`orders stuck`: orders and executions that need a person, with the advice for each."""

from typing import Annotated, Final

import typer

from ops.contract import rules
from ops.dead_letters.queues import count_dead_letters
from ops.orders import stuck
from ops.orders.answers import StuckAnswer
from ops.orders.ledger import Orders
from ops.stack import Stack
from ops.stock.movements import Stock, describe_odd_row
from ops.terminal import screen
from ops.terminal.options import JsonOption, with_stack
from ops.terminal.working import show_working

_MOST_FAILED: Final = 10  # orders that FAILED and are named


@with_stack
def stuck_(
    stack: Stack,
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="TIME", help="How long an order may stand still, as in 10m or 2h."),
    ] = "2h",
    json: JsonOption = False,
) -> None:
    """Find what needs a person, and say what to do about each: exit code 1 if there is anything.

    Orders that FAILED or that nobody works on, mails that did not leave or may not have, executions that run for too
    long, dead letters, items whose row cannot be read. It reads the tables of orders and items whole: with millions of
    orders that takes minutes.
    """
    age = rules.read_duration("--older-than", older_than)
    with show_working(screen.err, "looking") as tell:
        orders = stuck.find_stuck(Orders.of(stack), age, tell)
        items = [item for item in Stock.of(stack).items() if item.problems]
        found = StuckAnswer(orders, count_dead_letters(stack), items)
    if json:
        screen.show_json(found)
    else:
        _show_answer(found)
    if found.stuck or found.dead_letters or found.odd_items:
        raise typer.Exit(1)


def _show_answer(found: StuckAnswer) -> None:
    """Show it; of many orders that FAILED some, since one command retries all that an outage has left."""
    failed = [one for one in found.stuck if one.problem == "failed"]
    unnamed = {one.order_id for one in failed[_MOST_FAILED:]}
    for one in found.stuck:
        if one.order_id not in unnamed:
            _show_stuck(one)
    if unnamed:
        screen.print_line(f"and {len(unnamed)} more orders that FAILED: `orders list --status FAILED` lists them")
        screen.print_line("  fix the cause, then `orders retry --status FAILED`")
    for counted in found.dead_letters:
        messages = "1 dead letter" if counted.messages == 1 else f"{counted.messages} dead letters"
        screen.print_line(f"{messages} in the queue {counted.queue}: `orders dlq list`")
    for item in found.odd_items:
        screen.print_line(describe_odd_row(item))
    if not (found.stuck or found.dead_letters or found.odd_items):
        screen.print_line("nothing is stuck: no FAILED order, no mail that did not leave, no dead letter")


def _show_stuck(one: stuck.Stuck) -> None:
    """Show one in lines: a table would break the command to paste."""
    still = f", for {screen.format_age(one.since)}" if one.since else ""
    screen.print_line(f"{screen.shorten_text(one.order_id)}{still}: {one.what}")
    screen.print_line(f"  {one.advice}")
