"""What a person sees while something takes a while: a live line on a terminal, one plain line in a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


@contextmanager
def working(console: Console, what: str) -> Iterator[Callable[[str], None]]:
    """Show `what` while the block runs, and after it the latest text given to the function it yields."""
    if not console.is_terminal:
        console.print(f"{what} …", markup=False, highlight=False)
        yield lambda _text: None
        return
    with console.status(escape(what)) as status:
        yield lambda text: status.update(escape(text))
