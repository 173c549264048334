"""What a person sees while something takes a while: a live line on a terminal, plain lines in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.markup import escape

_A_LINE_EVERY: Final = 10.0  # seconds, in a log


@contextmanager
def working(console: Console, what: str) -> Iterator[Callable[[str], None]]:
    """Show `what` while the block runs, and after it the latest text given to the function it yields."""
    if not console.is_terminal:
        _print_plain(console, f"{what} …")
        yield _LogLines(console).tell
        return
    with console.status(escape(what)) as status:
        yield lambda text: status.update(escape(text))


class _LogLines:
    """Prints into a log what it is told, but not more often than somebody wants to read."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._due = time.monotonic() + _A_LINE_EVERY

    def tell(self, text: str) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _A_LINE_EVERY
            _print_plain(self._console, text)


def _print_plain(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False)
