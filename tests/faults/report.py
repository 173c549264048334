"""`python -m tests.faults.report`: run the single faults, and write what became of them into docs/reliability.md."""

import sys
from pathlib import Path

import tests.conftest  # noqa: F401 — before the functions make their clients, it takes the shell's own AWS away
from tests.faults.conftest import deployed
from tests.faults.matrix import Matrix

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


def committed(page: str) -> list[str]:
    """Give the table that stands in the page."""
    return page.partition(BEGIN)[2].partition(END)[0].strip().splitlines()


def with_table(page: str, table: list[str]) -> str:
    """Put a table into the page, between its two marks."""
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, f"{PAGE.name} has no {BEGIN} … {END}"
    return "\n".join([before + mark, "", *table, "", end + after])


def main() -> None:
    """Write the table."""
    with deployed() as pipeline:
        table = Matrix(pipeline).table()
    PAGE.write_text(with_table(PAGE.read_text("utf-8"), table), "utf-8")
    sys.stdout.write(f"{PAGE.name}: {len(table) - 2} calls\n")


if __name__ == "__main__":
    main()
