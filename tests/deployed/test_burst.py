"""A burst through a stack of its own: its account, to the last message."""

import re
from functools import partial
from pathlib import Path

import pytest

from local.aws import deploy_stack
from local.load import __main__ as load


def test_a_small_burst_is_accounted_for_to_the_last_message(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], local_assembly: Path
) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers
    monkeypatch.setattr(load, "deploy_stack", partial(deploy_stack, assembly=local_assembly))
    code = load.main(["--orders", "40", "--seed", "7"])
    said = capfd.readouterr()
    assert (code, said.err) == (0, ""), said
    assert "40 published = 34 orders + 2 dead letters + 4 duplicates" in said.out
    assert re.search(r"from publish to mail: p50 \d+\.\d s, p99 \d+\.\d s", said.out)
    assert "violations of stock, statuses, mails and messages: 0" in said.out
