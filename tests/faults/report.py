"""`python -m tests.faults.report`: run the single faults, and write what became of them into docs/reliability.md."""

import sys
from pathlib import Path

import tests.conftest  # noqa: F401 — before the functions make their clients, it takes the shell's own AWS away
from tests.faults.conftest import deployed
from tests.faults.matrix import Matrix

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


def committed(page: str, name: str = "faults") -> list[str]:
    """Give the table of that name in the page."""
    begin, end = _marks(name)
    return page.partition(begin)[2].partition(end)[0].strip().splitlines()


def with_table(page: str, table: list[str], name: str = "faults") -> str:
    """Put a table into the page, between its two marks."""
    begin, end = _marks(name)
    before, mark, rest = page.partition(begin)
    _, end, after = rest.partition(end)
    assert end, f"{PAGE.name} has no {begin} … {_marks(name)[1]}"
    return "\n".join([before + mark, "", *table, "", end + after])


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def main() -> None:
    """Write the table."""
    with deployed() as pipeline:
        table = Matrix(pipeline).table()
    PAGE.write_text(with_table(PAGE.read_text("utf-8"), table), "utf-8")
    sys.stdout.write(f"{PAGE.name}: {len(table) - 2} calls\n")


if __name__ == "__main__":
    main()
