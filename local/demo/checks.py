"""Expectations that are told as they are met or missed, and counted at the end."""

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
        """Hold what was found against what was wanted."""
        if found == wanted:
            self._tell(f"{what}: {_shown(wanted)}", missed=False)
        else:
            self._tell(f"{what}: {_shown(found)}, expected {_shown(wanted)}", missed=True)

    def holds(self, what: str, truth: bool) -> None:
        """Note whether a sentence is true."""
        self._tell(what if truth else f"not so: {what}", missed=not truth)

    def fail(self, what: str) -> None:
        """Note what cannot be held against anything, such as a wait in vain."""
        self._tell(what, missed=True)

    def _tell(self, text: str, *, missed: bool) -> None:
        self.made += 1
        if missed:
            self.missed.append(f"{self.chapter}: {text}")
        mark, style = ("✗", "bold red") if missed else ("✓", "green")
        self.console.print(f"  {mark} ", end="", style=style)
        self.console.print(text, markup=False, style="bold red" if missed else None)


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {content}" for name, content in value.items()) or "nothing"
    return str(value)
