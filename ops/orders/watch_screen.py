"""`orders watch` on a terminal: a live picture of all orders, or of one."""

from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from ops.orders import view as order_view
from ops.orders.watch import Look, Progress, Sighting
from ops.orders.watch_lines import describe_queues, describe_sighting, format_time
from ops.terminal import screen

_COLUMNS: Final = {"order": "left", "status": "left", "mail": "left", "now": "text", "time": "right"}


class AllOnScreen:
    """All orders, on a terminal: those that move in a table, and above it, a line each, those that have ended."""

    def __init__(self) -> None:
        self.live = Live(Text("looking …"), console=screen.out, auto_refresh=False)
        self._picture: RenderableType = Text()

    def update(self, seen: Look) -> None:
        for one in seen.ended:
            screen.print_line(f"{seen.at:%H:%M:%S}  {describe_sighting(one, seen.at)}")
        self._picture = _picture_of_all(seen)
        self.live.update(self._picture, refresh=True)

    def complain(self, trouble: str) -> None:
        self.live.update(_with_trouble(self._picture, trouble), refresh=True)


def _picture_of_all(seen: Look) -> RenderableType:
    rows = [_format_cells(one, seen.at) for one in seen.moving]
    head = screen.escape_text(f"{seen.at:%H:%M:%S} UTC   {describe_queues(seen)}   on the move: {seen.running}")
    parts: list[RenderableType] = [head, Text(), screen.as_table(_COLUMNS, rows) if rows else Text("nothing moves")]
    if seen.running > len(rows):
        parts.append(screen.escape_text(f"and {seen.running - len(rows)} more"))
    return Group(*parts)


class OneOnScreen:
    """One order, on a terminal."""

    def __init__(self) -> None:
        self.live = Live(Text("looking …"), console=screen.out, auto_refresh=False)
        self._picture: RenderableType = Text()

    def update(self, seen: Progress) -> None:
        self._picture = _picture_of(seen)
        self.live.update(self._picture, refresh=True)

    def complain(self, trouble: str) -> None:
        self.live.update(_with_trouble(self._picture, trouble), refresh=True)


def _with_trouble(picture: RenderableType, trouble: str) -> RenderableType:
    return Group(picture, Text(), screen.escape_text(trouble))


def _picture_of(seen: Progress) -> RenderableType:
    if seen.row is None and seen.latest is None:
        return screen.escape_text(f"order {seen.order_id}: nothing is known of it yet")
    attempts = [seen.latest] if seen.latest else []
    return order_view.draw_order(seen.order_id, seen.row, attempts)


def _format_cells(one: Sighting, now: datetime) -> tuple[object, ...]:
    id_ = screen.shorten_text(one.order_id)
    name = f"{id_} (attempt {one.attempt})" if one.attempt and one.attempt > 1 else id_
    return name, one.status, one.email_status, _describe_state(one), format_time(one, now)


def _describe_state(one: Sighting) -> str | None:
    """Say where its execution is, or how it ended: ReserveInventory, 3 tries: TransientError."""
    if one.execution_status == "SUCCEEDED" or one.state is None:
        return one.execution_status
    where = one.state if one.is_moving else f"{one.execution_status} at {one.state}"
    tried = f", {one.tries} tries" if one.tries > 1 else ""
    return f"{where}{tried}" + (f": {one.error}" if one.error else "")
