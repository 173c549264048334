"""What takes a while says how far it is: live on a terminal, and in a log by lines that can be read."""

import io

import pytest
from rich.console import Console

from ops.terminal.working import show_working


def test_a_log_has_a_plain_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, log = [100.0], io.StringIO()
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    with show_working(Console(file=log), "publishing 90 orders") as tell:
        for number in range(1, 91):
            clock[0] += 1 / 3
            tell(f"{number} of 90 [orders]")
    assert log.getvalue().splitlines() == ["publishing 90 orders …", "31 of 90 [orders]", "62 of 90 [orders]"]
