"""`orders retry`: one order published again, or all that an outage has left behind."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

import typer

from ops.contract import rules
from ops.errors import BadInput
from ops.orders import retry, retry_many, retry_view
from ops.orders.filters import MailOption, OlderThanOption, SinceOption, StatusOption, choose_orders
from ops.orders.ledger import Filter, Orders
from ops.orders.place_command import TimeoutOption, WaitOption, say_ends, say_placed
from ops.orders.publish import Expected, publish_order, wait_for
from ops.orders.retry_many import Selection
from ops.stack import Stack
from ops.terminal import screen
from ops.terminal.options import JsonOption, YesOption, ask_person, with_stack
from ops.terminal.working import show_working

_LEAST_RATE: Final = 0.1


@with_stack
def retry_(
    stack: Stack,
    *,
    order: Annotated[
        str | None, typer.Argument(metavar="ORDER", help="One order, by its id.", show_default=False)
    ] = None,
    status: StatusOption = None,
    mail: MailOption = None,
    since: SinceOption = None,
    older_than: OlderThanOption = None,
    limit: Annotated[
        str, typer.Option("--limit", "-n", metavar="N", help="Of many: so many at most, those that changed first.")
    ] = str(retry_many.LIMIT),
    rate: Annotated[
        str,
        typer.Option(
            "--rate",
            metavar="N",
            help="Of many: so many a second. Three leave the shop its share of what Step Functions answers in every"
            " region: ten DescribeExecution a second, of which a retry takes three. Take fewer while SES sends fewer"
            " mails a second (`orders email sandbox`).",
        ),
    ] = str(retry_many.RATE),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Of many: show which, and publish none.")] = False,
    yes: YesOption = False,
    wait: WaitOption = False,
    timeout: TimeoutOption = "10m",
    json: JsonOption = False,
) -> None:
    """Start orders again whose execution has failed, by publishing them again: one, or all that filters choose.

    What an order holds is not taken twice, and a mail that may have left is not sent again. With --wait the exit code
    is 1 if it did not end CONFIRMED, with its mail sent.

    After an outage: orders retry --status FAILED --since 2h. The whole table is read; you see how many orders there
    are, and are asked. Only orders that a retry helps are published; the others are counted, each with the reason.
    Stopped, or cut off at --limit, run the same command again: it takes up where it was, and an order that comes twice
    is a duplicate, which changes nothing; --since counts back from now, so take it long enough. The exit code is 1 if
    some could not be published or lie beyond --limit.
    """
    wanted, patience = choose_orders(status, mail, since, older_than), rules.read_duration("--timeout", timeout)
    if order is None:
        _check_many(wanted, wait=wait)
        most = rules.whole_number("--limit", limit, least=1)
        pace = rules.read_number("--rate", rate, least=_LEAST_RATE, of="orders a second")
        return _retry_many(stack, wanted, _Manner(most, pace, dry_run, yes, json))
    if wanted != Filter() or dry_run:
        raise BadInput("ORDER: name one order, or choose many with filters and --dry-run; not both")
    return _retry_one(stack, order, patience, wait=wait, json=json)


def _retry_one(stack: Stack, order: str, patience: timedelta, *, wait: bool, json: bool) -> None:
    rules.order_id("ORDER", order)
    planned = retry.plan_retry(order, *retry.read_order(Orders.of(stack), order))
    publish_order(stack, planned.order)
    if planned.note:
        screen.print_note(planned.note)
    if not wait:
        if json:
            return say_placed([planned.order], json=True)
        return screen.print_line(f"{order}: published again; this starts attempt {planned.attempt}")
    with show_working(screen.err, f"waiting for attempt {planned.attempt}") as tell:
        ends = list(wait_for(stack, [Expected(planned.order, planned.attempt)], patience=patience, tell=tell))
    return say_ends(ends, json=json)


@dataclass(frozen=True)
class _Manner:
    """How many are retried."""

    limit: int
    rate: float
    dry_run: bool
    yes: bool
    json: bool


def _check_many(wanted: Filter, *, wait: bool) -> None:
    if wanted == Filter():
        raise BadInput("an ORDER is needed, or filters that choose many, as in --status FAILED --since 2h")
    if wait:
        raise BadInput("--wait: is for one ORDER; `orders watch` follows many")


def _retry_many(stack: Stack, wanted: Filter, manner: _Manner) -> None:
    with show_working(screen.err, "reading the orders") as tell:
        rows = Orders.of(stack).scan(wanted.parameters(), lambda read: tell(f"{read} orders read"))
        chosen = retry_many.select_orders(rows, manner.limit)
    tally = retry_view.Tally()
    if manner.dry_run and manner.json:
        return screen.show_json(retry_view.describe_retry(chosen, tally))
    for line in retry_view.preview_retries(chosen, manner.rate):
        (screen.print_line if manner.dry_run else screen.print_note)(line)
    if manner.dry_run:
        return None
    if chosen.rows:
        ask_person(f"Publish {retry_view.count_orders(len(chosen.rows))} again?", yes=manner.yes)
        _publish_chosen(stack, chosen, manner, tally)
    elif manner.json:
        screen.show_json(retry_view.describe_retry(chosen, tally))
    if tally.failed or chosen.beyond:
        raise typer.Exit(1)
    return None


def _publish_chosen(stack: Stack, chosen: Selection, manner: _Manner, tally: retry_view.Tally) -> None:
    orders = retry_view.count_orders(len(chosen.rows))
    try:
        with show_working(screen.err, f"publishing {orders}") as tell:
            for result in retry_many.publish_again(stack, chosen.rows, rate=manner.rate, tell=tell):
                tally.add(result)
                if result.error:
                    screen.print_complaint(result.error)
                tell(f"{tally.seen} of {orders}: {tally}")
    finally:  # where it was stopped, too: what was done by then is done
        _show_result(chosen, tally, json=manner.json)


def _show_result(chosen: Selection, tally: retry_view.Tally, *, json: bool) -> None:
    if json:
        return screen.show_json(retry_view.describe_retry(chosen, tally))
    for line in retry_view.report_retries(chosen, tally):
        screen.print_line(line)
    return None
