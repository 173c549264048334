"""`make deploy`: what it would take away is said, and agreed to, before anything is deployed."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.paths import ROOT
from ops.stack import Stack
from ops.terminal import screen
from tests.ops.doctor.recorded import DENIED, REGION, Answer, RecordedAws, Refusal
from tools.deploy import __main__ as deploy

NAME = "order-processing-dev"
QUEUE = {"Type": "AWS::SQS::Queue"}
MAIL = {
    "Type": "AWS::SNS::Subscription",
    "Properties": {"Protocol": "email", "Endpoint": "oncall@example.com", "TopicArn": "arn"},
}


def stack_with(status: str) -> Mapping[str, Any]:
    return {"Stacks": [{"StackName": NAME, "StackStatus": status, "CreationTime": datetime(2026, 1, 1, tzinfo=UTC)}]}


@dataclass
class World:
    """A CDK that writes this template and notes what it is asked; an account with that stack."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    planned: Mapping[str, Any] = field(default_factory=lambda: {"Queue": QUEUE})
    deployed: Mapping[str, Any] = field(default_factory=lambda: {"Queue": QUEUE, "Mail": MAIL})
    described: Answer = field(default_factory=lambda: stack_with("UPDATE_COMPLETE"))
    synth_code: int = 0
    answer: bool | None = None
    asked: list[str] = field(default_factory=list)
    commands: list[tuple[str, ...]] = field(default_factory=list)

    def deploy(self, *arguments: str) -> int:
        template = {"TemplateBody": json.dumps({"Resources": self.deployed})}
        aws = RecordedAws({"cloudformation.DescribeStacks": self.described, "cloudformation.GetTemplate": template})
        self.monkeypatch.setattr(deploy, "ASSEMBLY", self.folder)
        self.monkeypatch.setattr(deploy, "run_cdk", self._run_cdk)
        self.monkeypatch.setattr(
            deploy, "name_stack", lambda stage: Stack(f"order-processing-{stage}", REGION, aws, {})
        )
        self.monkeypatch.setattr(screen, "is_interactive", lambda: self.answer is not None)
        self.monkeypatch.setattr(screen, "confirm_question", self._confirm)
        return deploy.main(["dev", *arguments])

    def _run_cdk(self, command: str, *arguments: str) -> int:
        self.commands.append((command, *arguments))
        self.folder.mkdir(exist_ok=True)
        (self.folder / f"{NAME}.template.json").write_text(json.dumps({"Resources": self.planned}))
        return self.synth_code if command == "synth" else 0

    def _confirm(self, question: str) -> bool:
        self.asked.append(question)
        return bool(self.answer)

    @property
    def is_deployed(self) -> bool:
        return self.commands[-1][0] == "deploy"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_what_would_be_taken_away_is_said_before_the_question(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.answer = False
    assert world.deploy() == 1
    said = capsys.readouterr()
    assert said.out == f"{NAME}: this deploy takes away\n  subscription of oncall@example.com: is deleted\n"
    assert (world.asked, said.err) == (["Deploy all the same?"], "error: nothing was deployed\n")
    assert not world.is_deployed


def test_who_agrees_gets_what_was_compared_and_the_cdks_own_question(world: World) -> None:
    world.answer = True
    assert world.deploy("-c", "release=7") == 0
    assembly = str(world.folder)
    assert world.commands == [
        ("synth", "--quiet", "--output", assembly, "-c", "stage=dev", "-c", "release=7"),
        ("deploy", NAME, "--app", assembly),
    ]


def test_where_nobody_can_be_asked_it_takes_nothing_away(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.deploy() == 1
    assert not world.is_deployed
    said = capsys.readouterr()
    assert "subscription of oncall@example.com: is deleted" in said.out
    assert said.err == "error: nothing was deployed, since nobody can be asked here: add TAKE_AWAY=1 to agree\n"


@pytest.mark.parametrize("answer", [None, False])
def test_one_word_agrees_to_all(world: World, answer: bool | None) -> None:
    world.answer = answer
    assert world.deploy("--take-away") == 0
    assert world.commands[-1] == ("deploy", NAME, "--app", str(world.folder), "--require-approval", "never")
    assert world.asked == []


def test_what_takes_nothing_away_needs_nobody(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.deployed = world.planned
    assert world.deploy() == 0
    assert world.is_deployed
    assert capsys.readouterr().out == f"{NAME}: this deploy takes nothing away\n"


@pytest.mark.parametrize(
    "described",
    [
        Refusal("ValidationError", "Stack with id order-processing-dev does not exist"),
        stack_with("REVIEW_IN_PROGRESS"),
        stack_with("ROLLBACK_COMPLETE"),
    ],
)
def test_a_stage_that_is_not_deployed_loses_nothing(world: World, described: Answer) -> None:
    world.described = described
    assert world.deploy() == 0
    assert world.is_deployed


def test_nothing_is_deployed_when_aws_does_not_say_what_is(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.described = DENIED
    assert world.deploy("--take-away") == 3
    assert not world.is_deployed
    assert capsys.readouterr().err.startswith("error: not allowed: ")


def test_nothing_is_deployed_when_the_settings_are_refused(world: World) -> None:
    world.synth_code = 1
    assert world.deploy("--take-away") == 1
    assert [command for command, *_ in world.commands] == ["synth"]


@pytest.mark.parametrize("stage", ["local", "production"])
def test_only_a_stage_on_aws_is_deployed(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        deploy.main([stage])
    assert ended.value.code == 2
    assert "choose from dev, prod" in capsys.readouterr().err.replace("'", "")


def test_the_stage_that_is_compared_is_the_one_that_is_deployed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        world.deploy("-c", "stage=prod")
    assert (ended.value.code, world.commands) == (2, [])
    assert "STAGE names the stage" in capsys.readouterr().err


def test_nothing_of_an_earlier_synth_is_compared_or_deployed(world: World) -> None:
    (world.folder / "order-processing-prod.template.json").write_text("{}")
    world.deploy("--take-away")
    assert [path.name for path in world.folder.iterdir()] == [f"{NAME}.template.json"]


@pytest.mark.parametrize("target", ["deploy", "destroy"])
def test_a_stage_must_be_named(target: str) -> None:
    made = subprocess.run(  # noqa: S603 - the project's own Makefile
        ["/usr/bin/env", "make", "-s", target, "STAGE="], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (made.returncode, made.stdout) == (2, "")
    assert made.stderr.startswith("error: name the stage, as in STAGE=dev\n")
