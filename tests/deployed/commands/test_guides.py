"""The guides' commands, copied out of their pages and run in their order, as a newcomer does it."""

import re
import shlex

import pytest

from local.aws import ROOT
from tests.deployed.commands.conftest import Orders

_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
# Where the answer is no; of what other tests have left on this stack `stuck` may name something.
_NO = {"orders watch 12346", "orders cancel 12345 --yes"}
_EITHER = {"orders stuck"}


def commands(guide: str) -> list[str]:
    blocks = _BLOCK.findall((ROOT / "docs" / f"{guide}.md").read_text("utf-8"))
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("guide", ["first-day", "leaving-the-sandbox"])
def test_a_guide_can_be_followed_by_copying_its_commands(orders: Orders, guide: str) -> None:
    lines = commands(guide)
    assert lines
    said = {}
    for line in lines:
        answer = said[line] = orders(*shlex.split(line)[1:])
        assert answer.code in ({0, 1} if line in _EITHER else {int(line in _NO)}), (line, answer)
    if guide == "first-day":
        assert "CONFIRMED" in said["orders show 12345"].out
        assert "REJECTED" in said["orders show 12346"].out
        assert "CANCELLED" in said["orders show 12347"].out
