"""`orders doctor --before`: the sender that is to be deployed can be named, and is asked about."""

import pytest

from ops.stack import Stack
from ops.terminal import options
from tests.answers import run_in_process
from tests.ops.doctor.healthy_first_deploy import HEALTHY
from tests.ops.doctor.healthy_stack import SENDER
from tests.ops.doctor.recorded import REGION, RecordedAws


@pytest.fixture(autouse=True)
def ready_account(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack("order-processing-prod", REGION, RecordedAws(HEALTHY), {})
    monkeypatch.setattr(options, "name_stack", lambda _stage, **_options: stack)


def test_the_probes_before_a_deploy_ask_about_the_sender() -> None:
    answer = run_in_process("doctor", "--before", "prod", "--sender", SENDER)
    assert answer.code == 0, answer
    assert f"the sender {SENDER} is verified" in answer.out
    assert "order-processing-dev, which leaves it" in answer.out


def test_without_a_sender_they_say_how_to_name_it() -> None:
    answer = run_in_process("doctor", "--before", "prod")
    assert answer.code == 0, answer
    assert "`--sender ADDRESS` asks about yours" in answer.out


def test_the_stage_may_be_named_twice_as_in_a_command_that_is_pasted() -> None:
    assert run_in_process("--stage", "prod", "doctor", "--before", "prod", "P1").code == 0
    refused = run_in_process("--stage", "dev", "doctor", "--before", "prod", "P1")
    assert refused.code == 2
    assert "--before: names the stage" in refused.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--before", "prod", "--sender", "nobody"], "--sender: must be one plain ASCII e-mail address"),
        (["--stage", "dev", "--sender", SENDER], "--sender: goes with --before"),
    ],
)
def test_a_sender_that_cannot_be_asked_about_is_refused(arguments: list[str], told: str) -> None:
    answer = run_in_process("doctor", *arguments)
    assert answer.code == 2
    assert told in answer.err
