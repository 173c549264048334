"""Faults on purpose: what is broken is so for the functions, and `fix` takes all of it back."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import faults
from local.aws import LocalAws
from local.aws.state import StateFile
from ops.local_aws import ACCOUNT

HANDLERS = ("functions.start_workflow.handler.start_workflow", "functions.reserve_inventory.handler.reserve_inventory")
VARIABLES = {"start_workflow": {"STATE_MACHINE_ARN": "machine"}, "reserve_inventory": {"ORDERS_TABLE": "orders"}}
PAUSE = {"StartAt": "Pause", "States": {"Pause": {"Type": "Wait", "Seconds": 300, "End": True}}}


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """A local AWS with two functions that are never called."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("bootstrap", "")
    with LocalAws.start() as running:
        for handler in HANDLERS:
            name = handler.rpartition(".")[2]
            running.client("lambda").create_function(
                FunctionName=f"stack-{name}",
                Runtime="provided.al2023",
                Role=f"arn:aws:iam::{ACCOUNT}:role/steps",
                Handler=handler,
                Code={"ZipFile": code.getvalue()},
                Environment={"Variables": VARIABLES[name]},
            )
        yield running


@pytest.fixture
def run(aws: LocalAws, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., str]]:
    """Run a command against it, and give what it printed."""
    note = tmp_path / "aws.json"
    StateFile(note).note(aws)

    def command(*words: str, code: int = 0) -> str:
        assert faults.main(words, note=note) == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    yield command
    command("fix")


def variables_of(aws: LocalAws) -> dict[str, dict[str, str]]:
    return {
        name: aws.client("lambda").get_function_configuration(FunctionName=f"stack-{name}")["Environment"]["Variables"]
        for name in VARIABLES
    }


def test_a_service_that_is_away_refuses_every_function_until_it_is_fixed(
    aws: LocalAws, run: Callable[..., str]
) -> None:
    assert run("away", "dynamodb") == "dynamodb is away\n"
    assert all(found["AWS_ENDPOINT_URL_DYNAMODB"] == "http://127.0.0.1:1" for found in variables_of(aws).values())
    assert run("fix") == "nothing is broken\n"
    assert variables_of(aws) == VARIABLES


def test_a_step_that_crashes_lacks_what_it_needs_and_no_other_does(aws: LocalAws, run: Callable[..., str]) -> None:
    assert run("crash", "reserve_inventory") == "reserve_inventory raises KeyError\n"
    assert run("crash", "reserve_inventory") == "reserve_inventory raises KeyError\n", "broken twice is broken once"
    broken = variables_of(aws)
    assert "ORDERS_TABLE" not in broken["reserve_inventory"]
    assert broken["start_workflow"] == VARIABLES["start_workflow"]
    run("fix")
    assert variables_of(aws) == VARIABLES


def test_two_faults_at_once_are_shown_and_fixed(aws: LocalAws, run: Callable[..., str]) -> None:
    run("away", "ses")
    run("crash", "reserve_inventory")
    assert run("show") == "reserve_inventory raises KeyError\nses is away\n"
    run("fix")
    assert variables_of(aws) == VARIABLES


def test_waits_shrink_and_are_as_long_as_before_once_fixed(aws: LocalAws, run: Callable[..., str]) -> None:
    states: Any = aws.client("stepfunctions")
    machine = states.create_state_machine(
        name="pause", definition=json.dumps(PAUSE), roleArn=f"arn:aws:iam::{ACCOUNT}:role/steps"
    )["stateMachineArn"]

    def status_soon() -> str:
        execution = states.start_execution(stateMachineArn=machine)["executionArn"]
        until = time.monotonic() + 5
        while (found := states.describe_execution(executionArn=execution)["status"]) == "RUNNING":
            if time.monotonic() > until:
                states.stop_execution(executionArn=execution)
                break
            time.sleep(0.05)
        return str(found)

    run("waits", "0")
    assert status_soon() == "SUCCEEDED"
    run("fix")
    assert status_soon() == "RUNNING"


def test_a_step_that_is_none_is_refused_with_those_there_are(run: Callable[..., str]) -> None:
    assert run("crash", "ReserveInventory", code=1) == (
        "error: STEP: must be one of reserve_inventory, not 'ReserveInventory'\n"
    )


@pytest.mark.parametrize("scale", ["-1", "2", "nan", "fast"])
def test_a_scale_is_a_number_from_0_to_1(run: Callable[..., str], scale: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("waits", scale)


def test_without_a_local_aws_nothing_is_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever account the shell has credentials for: only the note of `make up` is looked at."""
    assert faults.main(["away", "dynamodb"], note=tmp_path / "aws.json") == 1
    assert capsys.readouterr().err == "error: no local AWS is up; `make up` starts one\n"
