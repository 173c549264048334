"""What the probes found, for a person: a line a probe, and below it what to do."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from ops.doctor.examination import Examined
from ops.doctor.probe import Finding, Verdict
from ops.terminal import screen

_MARKS: Final = {
    Verdict.OK: "ok",
    Verdict.WRONG: "wrong",
    Verdict.CANNOT_SAY: "cannot say",
    Verdict.NOT_LOCAL: "not local",
}
_WIDTH: Final = max(map(len, _MARKS.values()))
_INDENT: Final = " " * (_WIDTH + 9)
_BAD: Final = (Verdict.WRONG, Verdict.CANNOT_SAY)


def show_group(group: str) -> None:
    """Show the heading of the probes that follow."""
    screen.print_line(group)


def show_examined(examined: Examined) -> None:
    """Show a probe: each finding, and below it what to do."""
    id_ = examined.probe
    for finding in examined.findings:
        _show_finding(id_, finding)
        id_ = ""
    if examined.verdict in _BAD:
        screen.print_line(f"{_INDENT}see docs/{examined.page}")


def show_sum(examined: Iterable[Examined]) -> None:
    """Show how many came to which verdict."""
    counts = Counter(one.verdict for one in examined)
    words = _MARKS | {Verdict.NOT_LOCAL: "not on the local AWS"}
    screen.print_line(", ".join(f"{counts[verdict]} {words[verdict]}" for verdict in Verdict if counts[verdict]))


def _show_finding(id_: str, finding: Finding) -> None:
    mark = _MARKS[finding.verdict]
    screen.print_marked(f"  {id_:3}  ", mark, f"{' ' * (_WIDTH - len(mark))}  {finding.text}")
    if finding.remedy:
        screen.print_line(f"{_INDENT}→ {finding.remedy}")
