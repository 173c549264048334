"""`python -m tests.schedules.report`: run every fault and every end, and write what became of them into the docs."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import tests.conftest  # noqa: F401 — before the functions make their clients, it takes the shell's own AWS away
from functions.shared.row import MAIL_LEFT
from tests.schedules.cloud import Account, connected
from tests.schedules.ends import (
    ENDS,
    ERRORS,
    MAIL_DONE,
    MAILED,
    ROWS,
    SAME,
    STATUSES,
    STOPPED,
    TASKS,
    Case,
    End,
    Found,
    State,
    possible,
)
from tests.schedules.interpreter import FAILED, SUCCEEDED
from tests.schedules.matrix import Matrix

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
COLUMNS: Final[tuple[tuple[str, str, frozenset[str | None]], ...]] = (
    *((name, name, frozenset({None})) for name in STATUSES[:2]),
    ("CONFIRMED, no mail tried", "CONFIRMED", frozenset({None})),
    ("CONFIRMED, mail PENDING or REJECTED", "CONFIRMED", frozenset({"PENDING", "REJECTED"})),
    ("CONFIRMED, mail SENDING or UNKNOWN", "CONFIRMED", frozenset({"SENDING", "UNKNOWN"})),
    ("CONFIRMED, mail has left", "CONFIRMED", frozenset(MAIL_LEFT)),
    *((name, name, frozenset({None})) for name in STATUSES[3:]),
)
NOT_THERE: Final = "–"


def tables(account: Account) -> list[str]:
    """Give three tables in Markdown: of rows of the execution's own attempt, of an earlier one and of a later one."""
    titles = [title for title, _, _ in COLUMNS]
    return [
        *_table(["execution", *titles, f"why not, where there is {NOT_THERE}"], _own_lines(account)),
        "",
        "Where the row is an earlier attempt's:",
        "",
        *_table(["execution", *titles[1:]], _merged(_lines(account, -1))),
        "",
        "And where it is a later attempt's:",
        "",
        *_table(["execution", *titles[1:]], _merged(_lines(account, 1))),
    ]


def _table(head: list[str], lines: Iterable[list[str]]) -> list[str]:
    return ["| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines)]


def _own_lines(account: Account) -> list[list[str]]:
    reasons = [MAIL_DONE if ends[0] == MAILED else SAME[ends[0].state][1] for _, ends in _grouped()]
    return [[*line, reason] for line, reason in zip(_lines(account, 0), reasons, strict=True)]


def _lines(account: Account, age: int) -> list[list[str]]:
    rows = [row for row in ROWS if row.age == age]
    return [
        [title, *(_cell(account, ends, [row for row in rows if _in(row, column)]) for column in COLUMNS)]
        for title, ends in _grouped()
    ]


def _merged(lines: Iterable[list[str]]) -> list[list[str]]:
    """Put lines with the same cells into one; another attempt's order is there, so that it has a row."""
    titles: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for title, _, *cells in lines:
        how, _, state = title.partition(" at ")
        titles.setdefault(tuple(cells), {}).setdefault(how, []).append(state)
    return [
        ["; ".join(f"{how} at {', '.join(states)}" for how, states in of.items()), *cells]
        for cells, of in titles.items()
        if set(cells) != {NOT_THERE}
    ]


def _grouped() -> list[tuple[str, list[End]]]:
    """The lines: whether a person or the time limit stops an execution makes no difference, which the cells show."""
    lines = [(str(end), [end]) for end in ENDS if not end.stopped]
    return lines + [(f"ABORTED or TIMED_OUT at {state}", [End(how, state) for how in STOPPED]) for state in TASKS]


def _in(row: Found, column: tuple[str, str, frozenset[str | None]]) -> bool:
    return row.status == column[1] and row.mail in column[2]


def _cell(account: Account, ends: list[End], rows: list[Found]) -> str:
    found = {cell_of(account, end, row) for end in ends for row in rows if possible(end, row)}
    return "; ".join(sorted(found)) or NOT_THERE


def cell_of(account: Account, end: End, found: Found) -> str:
    """Run one cell, and say in words what the release did and what an operator does then."""
    error = ERRORS[end.state][0] if end.status == FAILED and end.state in ERRORS else None
    before = Case(account, end, found, error).state()
    case = Case(account, end, found, error)
    released = case.release()
    did = [] if released == before else ["given back" if before.held else "closed"]
    settled = case.settle()
    again = case.publish_again()
    if end.status == SUCCEEDED and settled.mail == "REJECTED":
        return "resend"
    return ", ".join([*did, _act(settled, again)])


def _act(before: State, after: State) -> str:
    if after.mail == "UNKNOWN":
        return "ask"
    if after == before:
        return "="
    return "mail" if before.held else "again"


def committed(page: str, name: str) -> list[str]:
    """Give the table of that name in the page."""
    begin, end = _marks(name)
    return page.partition(begin)[2].partition(end)[0].strip().splitlines()


def with_table(page: str, table: list[str], name: str) -> str:
    """Put a table into the page, between its two marks."""
    begin, end = _marks(name)
    before, mark, rest = page.partition(begin)
    _, end, after = rest.partition(end)
    assert end, f"{PAGE.name} has no {begin} … {_marks(name)[1]}"
    return "\n".join([before + mark, "", *table, "", end + after])


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def main() -> None:
    """Write the tables."""
    with connected() as account:
        written = {"faults": Matrix(account).table(), "ends": tables(account)}
    page = PAGE.read_text("utf-8")
    for name, table in written.items():
        page = with_table(page, table, name)
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
