"""`python -m tests.schedules.report`: run every end of an execution, and write what becomes of it into the docs."""

import tests.conftest  # noqa: F401 — before the functions make their clients, it takes the shell's own AWS away
from tests.faults.report import PAGE, with_table
from tests.schedules.cloud import connected
from tests.schedules.ends import tables


def main() -> None:
    """Write the tables."""
    with connected() as account:
        written = tables(account)
    PAGE.write_text(with_table(PAGE.read_text("utf-8"), written, "ends"), "utf-8")


if __name__ == "__main__":
    main()
