"""`orders logs`: what the functions logged about one order."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from ops.contract import rules
from ops.errors import Refused
from ops.orders.filters import OrderArgument
from ops.orders.ledger import Orders
from ops.orders.logs import MOST_LINES, LogLine, read_log
from ops.shell import quote_command
from ops.stack import Stack
from ops.terminal import screen
from ops.terminal.options import JsonOption, with_stack
from ops.terminal.working import show_working

# The starter's lines come before the row, by as much as its message waited.
_BEFORE_THE_ROW: Final = timedelta(hours=1)
_WITHOUT_A_ROW: Final = timedelta(days=1)


@with_stack
def logs(
    stack: Stack,
    order: OrderArgument,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="How far to look back, as in 2h; else to an hour before the order's row was made, or a day.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show what the functions logged about an order, the oldest line first.

    A function that died before it knew the order, and a stack trace, are not among the lines: `orders show ORDER
    --verbose` has these. Exit code 1 if there is no line, or more than a query gives.
    """
    rules.order_id("ORDER", order)
    back = rules.read_duration("--since", since) if since is not None else None
    with show_working(screen.err, f"looking for the lines of {order}"):
        found = read_log(stack, order, datetime.now(UTC) - back if back else _choose_start(stack, order))
    if not found.lines:
        raise Refused(
            f"{order}: no function logged a line about it since {found.since:%Y-%m-%d %H:%M:%S} UTC;"
            " --since 30d looks further back, as far as the logs are kept"
        )
    if json:
        screen.show_json(found)
    else:
        columns = {"time (UTC)": "left", "attempt": "right", "state or function": "left", "level": "left"}
        screen.print_table(columns | {"message": "text"}, (list(_draw_line(line)) for line in found.lines), empty="")
        traces = quote_command("orders show --verbose", order)
        screen.print_note(f"only lines that name the order; {traces} has each try, and the stack traces")
    if not found.complete:
        raise Refused(f"there are more than {MOST_LINES} lines, and the last are missing: name a shorter --since")


def _choose_start(stack: Stack, order_id: str) -> datetime:
    row = Orders.of(stack).row(order_id)
    if row and row.created_at:
        return row.created_at - _BEFORE_THE_ROW
    return datetime.now(UTC) - _WITHOUT_A_ROW


def _draw_line(line: LogLine) -> Iterator[object]:
    yield f"{line.at:%Y-%m-%d %H:%M:%S}.{line.at.microsecond // 1000:03d}"
    yield line.attempt
    yield line.state or line.function
    yield line.level
    text = ": ".join(filter(None, (line.message, line.error_type, line.error_message)))
    yield f"{text} ({line.details})" if line.details else text
