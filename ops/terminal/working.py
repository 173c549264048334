"""Output to a person: text in visible characters only, and progress while a command works."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.text import Text

# Python counts these as printable, and nothing is seen of them: joiners, fillers, blanks, variation selectors.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def make_visible(text: str) -> str:
    r"""Write out each character that a terminal would obey, hide or reorder by, such as `\x1b`, `\u202e`, `\ud800`.

    Every text that somebody else wrote goes through here on its way to a terminal; a line break becomes `\n` too.
    """
    if text.isprintable() and not _UNSEEN.search(text):
        return text
    return "".join(_write_out(character) for character in text)


def _write_out(character: str) -> str:
    if character.isprintable() and not _UNSEEN.match(character):
        return character
    return ascii(character)[1:-1]


_A_LINE_EVERY: Final = 10.0  # seconds, in a log


@contextmanager
def show_working(console: Console, what: str) -> Iterator[Callable[[str], None]]:
    """Show `what` while the block runs, and after it the latest text given to the function it yields."""
    if not console.is_terminal or console.options.ascii_only:
        _print_plain(console, f"{what} …")
        yield _LogLines(console).tell
        return
    with console.status(Text(make_visible(what))) as status:
        yield lambda text: status.update(Text(make_visible(text)))


class _LogLines:
    """Prints progress into a log, but not more often than somebody wants to read."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._due = time.monotonic() + _A_LINE_EVERY

    def tell(self, text: str) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _A_LINE_EVERY
            _print_plain(self._console, text)


def _print_plain(console: Console, text: str) -> None:
    console.print(Text(make_visible(text)), highlight=False)
