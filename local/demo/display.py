"""The look of the demo: at most 100 columns, the same on a terminal and in a file."""

import sys
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table

from ops.mail.sent_mails import SentMail
from ops.orders.execution import Attempt
from ops.orders.history import Visit

_WIDTH = 100
_NAME_WIDTH = 18


def open_console() -> Console:
    """Return the console for the story."""
    for stream in (sys.stdout, sys.stderr):
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")  # a terminal without ✓ shows ? instead
    console = Console(highlight=False)
    console.width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
    return console


def execution_table(attempt: Attempt) -> Padding:
    """Return an execution's states with tries, times and what they raised."""
    some_raised = any(visit.error for visit in attempt.states)
    table = _make_table("state", tries="right", time="right", **({"raised": "left"} if some_raised else {}))
    for visit in attempt.states:
        took = (str(visit.tries), f"{visit.seconds:.2f} s") if visit.tries else ("", "")
        table.add_row(visit.state, *took, *([_describe_error(visit)] if some_raised else []))
    return _inset_content(table)


def stock_table(before: Mapping[str, int], taken: Mapping[str, int], after: Mapping[str, int]) -> Padding:
    """Return each item's pieces before, in confirmed orders, and left."""
    table = _make_table("item", before="right", confirmed="right", left="right")
    for item_id in sorted(before):
        numbers = (before[item_id], taken.get(item_id, 0), after.get(item_id, 0))
        table.add_row(escape(item_id), *map(str, numbers))
    return _inset_content(table)


def mail_panel(mail: SentMail) -> Padding:
    """Return a mail as its reader sees it."""
    fields = {"From": mail.sender, "To": ", ".join(mail.recipients), "Subject": mail.subject}
    head = "\n".join(f"[bold]{name:<9}[/]{escape(text)}" for name, text in fields.items())
    return _inset_content(Panel.fit(f"{head}\n\n{escape(mail.text.strip())}", box=box.ROUNDED, padding=(0, 2)))


def _make_table(first: str, **justified: Any) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(first, width=_NAME_WIDTH)
    for heading, justify in justified.items():
        table.add_column(heading, justify=justify, min_width=7 if justify == "right" else None)
    return table


def _inset_content(content: RenderableType) -> Padding:
    return Padding(content, (0, 0, 0, 4), expand=False)


def _describe_error(visit: Visit) -> str:
    if visit.error is None:
        return ""
    return escape(f"{visit.error}: {visit.reason}" if visit.reason else visit.error)
