"""Expectations: reported as they are met or missed, and counted at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console


@dataclass
class Checks:
    """Each thing that had to come true, and those that did not, with the chapter they stand in."""

    console: Console
    chapter: str = "before the first chapter"
    made: int = 0
    missed: list[str] = field(default_factory=list)

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Check the value found against the one wanted."""
        if found == wanted:
            self._report_check(f"{what}: {_format_value(wanted)}", missed=False)
        else:
            self._report_check(f"{what}: {_format_value(found)}, expected {_format_value(wanted)}", missed=True)

    def holds(self, what: str, truth: bool) -> None:
        """Note whether a sentence is true."""
        self._report_check(what if truth else f"not so: {what}", missed=not truth)

    def fail(self, what: str) -> None:
        """Note what cannot be held against anything, such as a wait in vain."""
        self._report_check(what, missed=True)

    def _report_check(self, text: str, *, missed: bool) -> None:
        self.made += 1
        if missed:
            self.missed.append(f"{self.chapter}: {text}")
        mark, style = ("✗", "bold red") if missed else ("✓", "green")
        self.console.print(f"  {mark} ", end="", style=style)
        self.console.print(text, markup=False, style="bold red" if missed else None)


def _format_value(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {content}" for name, content in value.items()) or "nothing"
    return str(value)
