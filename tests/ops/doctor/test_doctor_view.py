"""What `orders doctor` shows of each verdict."""

import pytest

from ops.stack import Stack
from ops.terminal import options
from tests.answers import run_in_process
from tests.ops.doctor.recorded import REGION, RecordedAws


def test_what_the_local_aws_lacks_is_shown_and_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack("order-processing-local", REGION, RecordedAws({}), {})
    monkeypatch.setattr(options, "connect_local", lambda: stack)
    answer = run_in_process("--local", "doctor", "A3")
    assert answer.code == 0, answer
    assert "A3   not local   it has no versions" in answer.out
    assert answer.out.splitlines()[-1] == "1 not on the local AWS"
