"""Orders that stand still and executions that take too long: only a person can move them on."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from functions.shared import row
from functions.shared.execution_name import execution_name
from ops.mail.addresses import SENDING_TOO_LONG
from ops.orders.execution import Execution, without_attempt
from ops.orders.ledger import Orders
from ops.orders.next_step import of_order
from ops.shell import quote_command
from ops.tables.attributes import in_words
from ops.tables.order_row import OrderRow


@dataclass(frozen=True)
class Stuck:
    """An order that stands still."""

    order_id: str
    """The order's id; the execution's name if it is of no order"""
    problem: Annotated[
        str,
        ("enum", ("failed", "processing", "mail-pending", "mail-sending", "mail-unknown", "mail-rejected", "running")),
    ]
    """The kind of problem"""
    since: datetime | None
    """Since when, ISO 8601; null if the row does not tell"""
    what: str
    """The problem, in words"""
    advice: str
    """The advice to a person, in words"""


def select_candidates(older_than: timedelta, now: datetime) -> dict[str, Any]:
    """Give the Scan that finds every row that may be stuck, and few others.

    One that does not tell when it changed last, or not by a text, may be.
    """
    return {
        "FilterExpression": "(#status = :processing AND"
        " (updated_at < :before OR NOT attribute_type(updated_at, :text)))"
        " OR #status = :failed"
        " OR (#status = :confirmed AND (attribute_not_exists(email_status)"
        " OR email_status IN (:pending, :sending, :unknown, :rejected)))",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {
            ":processing": row.text_value(row.PROCESSING),
            ":failed": row.text_value(row.FAILED),
            ":confirmed": row.text_value(row.CONFIRMED),
            ":pending": row.text_value(row.MAIL_PENDING),
            ":sending": row.text_value(row.MAIL_SENDING),
            ":unknown": row.text_value(row.MAIL_UNKNOWN),
            ":rejected": row.text_value(row.MAIL_REJECTED),
            ":text": row.text_value("S"),
            ":before": row.text_value((now - older_than).isoformat(timespec="milliseconds")),
        },
    }


def find_stuck(
    orders: Orders, older_than: timedelta, tell: Callable[[str], None], now: datetime | None = None
) -> list[Stuck]:
    """Return what is stuck at the moment `now`, which is this one by default; the longest first.

    The executions are listed before the rows are read: one that ends in between has moved its row by then.
    """
    now = now or datetime.now(UTC)
    running = {one.name: one for one in orders.running(lambda found: tell(f"{found} executions run"))}
    rows = list(
        orders.scan(
            select_candidates(older_than, now), lambda read: tell(f"{len(running)} executions run; {read} orders read")
        )
    )
    found = {one.order_id: one for one in judge_rows(rows, running, older_than, now)}
    for execution in running.values():
        if now - execution.started_at > older_than:
            tell(f"looking at execution {execution.name}")
            slow = _explain_slow(orders, execution)
            found.setdefault(slow.order_id, slow)
    return sorted(found.values(), key=lambda one: one.since or datetime.min.replace(tzinfo=UTC))


def judge_rows(
    rows: Iterable[OrderRow], running: Mapping[str, Execution], older_than: timedelta, now: datetime
) -> Iterator[Stuck]:
    """Tell which of these rows are stuck; one that an execution works on is not, however slow that is.

    No execution helps a mail that is refused, or of which nobody knows.
    """
    worked_on = {without_attempt(name) for name in running}
    for order in rows:
        problem = _find_problem(order, older_than, now)
        is_worked_on = execution_name(order.order_id, 1) in worked_on  # a row may know of an earlier attempt only
        if problem and (problem[0] in ("mail-unknown", "mail-rejected") or not is_worked_on):
            what = _append_reason(problem[1], f"its row is odd: {in_words(order.problems)}" if order.problems else None)
            advice = of_order(order, None) or "nothing: look again"
            yield Stuck(order.order_id, problem[0], order.updated_at, what, advice)


def _find_problem(order: OrderRow, older_than: timedelta, now: datetime) -> tuple[str, str] | None:
    still = now - order.updated_at if order.updated_at else timedelta.max
    if order.status == row.PROCESSING:
        return ("processing", "PROCESSING, and no execution works on it") if still > older_than else None
    if order.status == row.FAILED:
        return "failed", _append_reason("FAILED", order.status_reason)
    match order.email_status:
        case row.MAIL_UNKNOWN:
            return "mail-unknown", _append_reason("its mail may or may not have left", order.email_error)
        case row.MAIL_REJECTED:
            return "mail-rejected", _append_reason("its mail was refused", order.email_error)
        case row.MAIL_SENDING:
            return ("mail-sending", "its mail's sender never came back") if still > SENDING_TOO_LONG else None
        case _:
            return ("mail-pending", "CONFIRMED, and nobody sends its mail") if still > older_than else None


def _explain_slow(orders: Orders, execution: Execution) -> Stuck:
    """Say where an execution is that has been running for so long, and why."""
    described, state = orders.named(execution.name), orders.newest_state(execution.name)
    order_id = (described.order_id if described else None) or execution.name
    where = f"{state.state}, {state.tries} tries" if state else "no state"
    return Stuck(
        order_id,
        "running",
        execution.started_at,
        _append_reason(f"execution {execution.name} still runs: {where}", state.error if state else None),
        f"fix the cause ({quote_command('orders show', order_id)} shows it in full); it is retried automatically",
    )


def _append_reason(text: str, reason: str | None) -> str:
    return f"{text}: {reason}" if reason else text
