"""Draws an order: its row, its executions, its dead letters, and the advice."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ops.dead_letters.dead_letter import DeadLetter
from ops.orders.execution import Attempt
from ops.orders.history import Visit
from ops.tables.attributes import in_words
from ops.tables.order_row import OrderRow, line_in_words
from ops.terminal import screen


def draw_order(
    order_id: str,
    order: OrderRow | None,
    attempts: Iterable[Attempt],
    letters: Sequence[DeadLetter] = (),
    next_step: str | None = None,
    *,
    verbose: bool = False,
) -> Group:
    """Show all that is known of an order; with `verbose` also the stack traces."""
    parts: list[RenderableType] = [_draw_head(order_id, order)]
    for attempt in attempts:
        parts += [Text(), _attempt_line(attempt), _inset_content(_draw_timeline(attempt.states))]
        if verbose:
            parts += _draw_traces(attempt.states)
    if letters:
        parts += [Text(), screen.escape_text("dead letters"), _inset_content(_draw_dead_letters(letters))]
    if next_step:
        # Not wrapped: it holds a command to paste, in which a line break would end the command.
        parts += [Text(), Text("next: ", style="bold", no_wrap=True, overflow="ignore") + screen.escape_text(next_step)]
    return Group(*parts)


def mail_in_words(order: OrderRow) -> str | None:
    """Say what became of the mail; None while nobody has tried to send it."""
    if order.email_status is None:
        return None
    beside = order.email_error or (f"message {order.email_message_id}" if order.email_message_id else None)
    return f"{order.email_status}: {beside}" if beside else order.email_status


def draw_items(order: OrderRow) -> screen.Listing:
    """Show an order's items, each whole on a line."""
    return screen.Listing([line_in_words(line) for line in order.lines])


def note_odd_rows(orders: Iterable[OrderRow]) -> None:
    """Name the rows that no step of the workflow writes so."""
    for order in orders:
        if order.problems:
            screen.print_note(f"odd row: order {order.order_id}: {in_words(order.problems)}")


def _draw_head(order_id: str, order: OrderRow | None) -> RenderableType:
    if order is None:
        return Text.assemble(("order ", "bold"), screen.escape_text(order_id), ": it has no row")
    facts: list[tuple[str, object]] = [
        ("order", order_id),
        ("status", order.status or "none: it was never processed"),
        ("why", order.status_reason),
        ("mail", mail_in_words(order)),
        ("customer", order.customer_email),
        ("items", draw_items(order) if order.lines else None),
        ("created", _format_moment(order.created_at)),
        ("changed", _format_moment(order.updated_at)),
        ("odd", in_words(order.problems) or None),
    ]
    return screen.as_facts(facts)


def _attempt_line(attempt: Attempt) -> Text:
    took = (
        f"took {attempt.seconds:.1f} s"
        if attempt.seconds is not None
        else f"for {screen.format_age(attempt.started_at)}"
    )
    line = screen.escape_text(f"attempt {attempt.number}: execution {attempt.name} ")
    return (
        line
        + screen.format_cell(attempt.status)
        + screen.escape_text(f", started {_format_moment(attempt.started_at)}, {took}")
    )


def _draw_timeline(states: Sequence[Visit]) -> RenderableType:
    columns = {"state": "left", "tries": "right", "time": "right"}
    some_raised = any(state.error for state in states)
    if some_raised:
        columns["raised"] = "text"
    return screen.as_table(columns, (list(_draw_state(state))[: len(columns)] for state in states))


def _draw_state(state: Visit) -> Iterator[object]:
    yield state.state
    yield state.tries or None
    yield f"{state.seconds:.2f} s" if state.tries else None
    yield f"{state.error}: {state.reason}" if state.error and state.reason else state.error


def _draw_traces(states: Iterable[Visit]) -> Iterator[RenderableType]:
    """Show each trace once, under the state that raised it: a Fail state repeats that of the error it was given."""
    shown = set[str]()
    for state in states:
        if state.trace and state.trace not in shown:
            shown.add(state.trace)
            yield Text()
            yield _inset_content(screen.escape_text(f"{state.state} raised {state.error}:"))
            yield _inset_content(Text("\n").join(map(screen.escape_text, state.trace.splitlines())))


def _draw_dead_letters(letters: Iterable[DeadLetter]) -> RenderableType:
    columns = dict.fromkeys(("queue", "id", "age"), "left") | {"error": "text", "what was wrong": "text"}
    rows = [
        (one.queue, one.short_id, screen.format_age(one.sent_at), one.error_type, one.error_message) for one in letters
    ]
    return screen.as_table(columns, rows)


def _inset_content(content: RenderableType) -> RenderableType:
    return Padding(content, (0, 0, 0, 2), expand=False)


def _format_moment(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {screen.format_age(moment)} ago"
