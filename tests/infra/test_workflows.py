"""What GitHub runs: no more permissions than it needs, no key of AWS's, and nothing that is not fixed."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.paths import ROOT
from tools.deploy.deployed_template import ACTIONS

FOLDER = ROOT / ".github" / "workflows"
FILES = [*sorted(FOLDER.glob("*.yml")), ROOT / ".github" / "actions" / "setup" / "action.yml"]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
# Actions of others are code that runs with our permissions: a tag can be moved, a commit cannot.
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def parsed(name: str) -> Any:
    return yaml.safe_load((FOLDER / f"{name}.yml").read_text("utf-8"))


def triggers(workflow: Any) -> Any:
    return workflow[True]  # `on`, to YAML 1.1


def steps(workflow: Any) -> Iterator[Any]:
    for job in workflow["jobs"].values():
        yield from job.get("steps", ())


def runs(workflow: Any) -> list[str]:
    return [step["run"] for step in steps(workflow) if "run" in step]


def test_the_workflows_are_these() -> None:
    assert [file.stem for file in FILES] == ["checks", "ci", "deploy-stage", "deploy", "nightly", "action"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_secret_of_any_kind_is_read(file: Any) -> None:
    """AWS trusts the repository's token: there is no key that could leak."""
    text = file.read_text("utf-8")
    assert "secrets" not in text
    assert not re.search(r"aws[-_](access|secret)", text, re.IGNORECASE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_action_of_others_is_fixed_to_a_commit(file: Any) -> None:
    uses = [line.strip().removeprefix("- ") for line in file.read_text("utf-8").splitlines() if "uses:" in line]
    assert uses
    for line in uses:
        assert PINNED.fullmatch(line) or line.startswith("uses: ./"), line


def test_checks_may_only_read() -> None:
    for name, when in (
        ("checks", {"workflow_call"}),
        ("ci", {"pull_request"}),
        ("nightly", {"schedule", "workflow_dispatch"}),
    ):
        workflow = parsed(name)
        assert workflow["permissions"] == {"contents": "read"}
        assert all("permissions" not in job for job in workflow["jobs"].values())
        assert set(triggers(workflow)) == when


def test_a_deployment_may_read_and_ask_aws_for_a_role() -> None:
    workflow = parsed("deploy")
    assert workflow["jobs"].pop("checks")["permissions"] == {"contents": "read"}
    for deploying in (workflow, parsed("deploy-stage")):
        assert deploying["permissions"] == {}
        for job in deploying["jobs"].values():
            assert job["permissions"] == {"contents": "read", "id-token": "write"}


@pytest.mark.parametrize("name", ["checks", "deploy-stage", "nightly"])
def test_no_checkout_leaves_its_token_behind(name: str) -> None:
    checkouts = [step for step in steps(parsed(name)) if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len(parsed(name)["jobs"])
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts), "each takes the run's own commit"


def test_prod_follows_dev_and_dev_the_checks_of_the_same_commit() -> None:
    """All in one run, whose commit every checkout takes: see above."""
    workflow = parsed("deploy")
    assert set(triggers(workflow)) == {"push", "workflow_dispatch"}
    assert triggers(workflow)["push"] == {"branches": ["main"]}
    checks, dev, prod = (workflow["jobs"][name] for name in ("checks", "dev", "prod"))
    assert checks["uses"] == parsed("ci")["jobs"]["checks"]["uses"] == "./.github/workflows/checks.yml"
    assert (dev["needs"], prod["needs"]) == ("checks", "dev")
    # A push has no inputs, and to GitHub what is not there equals false.
    at_once, take_away = ({name: f"${{{{ inputs.{name} || false }}}}"} for name in ("all_at_once", "take_away"))
    assert [job["with"] for job in (dev, prod)] == [
        {"stage": "dev", **take_away},
        {"stage": "prod", **at_once, **take_away},
    ]
    by_hand = triggers(workflow)["workflow_dispatch"]["inputs"]
    assert {name: given["default"] for name, given in by_hand.items()} == {"all_at_once": False, "take_away": False}
    assert [job.get("if") for job in (checks, dev, prod)] == [None, "github.ref == 'refs/heads/main'", None]
    assert workflow["concurrency"]["cancel-in-progress"] is False


def test_what_is_deployed_is_built_from_no_cache() -> None:
    """A pull request's checks can write to a cache."""
    assert not [step for step in steps(parsed("deploy-stage")) if re.search("cache|setup/?$", step.get("uses", ""))]


def test_a_stage_is_deployed_from_its_own_environment_after_its_differences_were_shown() -> None:
    job = parsed("deploy-stage")["jobs"]["deploy"]
    assert job["environment"] == "${{ inputs.stage }}"
    (credentials,) = [step for step in job["steps"] if "configure-aws-credentials" in step.get("uses", "")]
    assert credentials["with"] == {
        "role-to-assume": "${{ vars.AWS_ROLE_ARN }}",
        "aws-region": "${{ vars.AWS_REGION }}",
    }
    install, _, _, diff, deploy = runs(parsed("deploy-stage"))
    assert (install, diff, deploy) == ("make install", "make diff", "make deploy")
    shown, deployed = (step["env"] for step in job["steps"] if step.get("run") in (diff, deploy))
    assert shown == {"STAGE": "${{ inputs.stage }}", "CDK_ARGS": "${{ steps.deployment.outputs.args }}"}
    agreed = "${{ (inputs.take_away || inputs.all_at_once) && '1' || '' }}"
    assert deployed == {**shown, "TAKE_AWAY": agreed}, "a push takes nothing away"


SETTINGS = 'sender_email = "orders@example.com"  # "$HOME" `id` %s\nses_sandbox = true'


@pytest.mark.parametrize(("variable", "file"), [(SETTINGS, f"{SETTINGS}\n"), ("", "the repository's\n")])
def test_the_stages_file_is_the_environments_or_the_repositorys(variable: str, file: str, tmp_path: Path) -> None:
    written = tmp_path / "stages" / "prod.toml"
    written.parent.mkdir()
    written.write_text("the repository's\n")
    (step,) = [step for step in steps(parsed("deploy-stage")) if "STAGE_FILE" in step.get("env", {})]
    assert step["env"] == {"STAGE": "${{ inputs.stage }}", "STAGE_FILE": "${{ vars.STAGE_FILE }}"}
    environment = {"PATH": os.environ["PATH"], "STAGE": "prod", "STAGE_FILE": variable}
    run = ["/bin/bash", "-e", "-c", step["run"]]
    subprocess.run(run, cwd=tmp_path, env=environment, check=True)  # noqa: S603 the workflow's own script
    assert written.read_text() == file


@pytest.mark.parametrize(
    ("stacks", "all_at_once", "added"),
    [
        ("", "false", ""),
        (r"\n\n", "false", ""),  # the AWS CLI prints each page's answer, an empty one too
        (r"order-processing-prod\n", "false", " -c release=123.2"),
        (r"\norder-processing-prod\n", "true", " -c release=123.2 -c shift=false"),
        ("", "true", " -c shift=false"),
    ],
)
def test_a_deployment_after_a_rollback_has_a_release_and_a_revert_does_not_shift(
    stacks: str, all_at_once: str, added: str, tmp_path: Path
) -> None:
    done, output = prepare_deployment(tmp_path, all_at_once, f"printf '{stacks}'")
    assert (done.returncode, done.stderr) == (0, "")
    assert output == f"args={added}\n"
    (asked,) = (tmp_path / "asked").read_text().splitlines()
    assert "list-stacks --stack-status-filter UPDATE_ROLLBACK_COMPLETE" in asked
    assert "StackName=='order-processing-prod'" in asked


def test_nothing_is_deployed_when_aws_does_not_say_whether_it_was_rolled_back(tmp_path: Path) -> None:
    done, output = prepare_deployment(tmp_path, "false", "echo AccessDenied >&2; exit 254")
    assert (done.returncode, output, done.stderr) == (254, "", "AccessDenied\n")


def test_the_role_that_the_guide_describes_may_ask_this() -> None:
    guide = (ROOT / "docs" / "deploying.md").read_text("utf-8")
    _, role = (json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", guide, re.DOTALL | re.MULTILINE))
    beyond_bootstrap = [statement for statement in role["Statement"] if statement["Action"] != "sts:AssumeRole"]
    deployed = "arn:aws:cloudformation:REGION:ACCOUNT:stack/order-processing-prod/*"
    assert beyond_bootstrap == [
        {"Effect": "Allow", "Action": "cloudformation:ListStacks", "Resource": "*"},
        {"Effect": "Allow", "Action": list(ACTIONS), "Resource": deployed},
    ]
    calls = {call for run in runs(parsed("deploy-stage")) for call in re.findall(r"\baws ([a-z]+ [a-z-]+)", run)}
    assert calls == {"cloudformation list-stacks"}


def prepare_deployment(folder: Path, all_at_once: str, aws_does: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run the step as GitHub does, with an `aws` that notes what it is asked; returns what later steps read of it."""
    (step,) = [step for step in steps(parsed("deploy-stage")) if step.get("id") == "deployment"]
    assert set(step["env"]) == {"STAGE", "ALL_AT_ONCE"}
    aws = folder / "aws"
    aws.write_text(f'#!/bin/sh\necho "$@" >> "{folder}/asked"\n{aws_does}\n')
    aws.chmod(0o755)
    output = folder / "output"
    output.touch()
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "STAGE": "prod",
        "ALL_AT_ONCE": all_at_once,
        "GITHUB_RUN_ID": "123",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_OUTPUT": str(output),
    }
    done = subprocess.run(  # noqa: S603 the workflow's own script
        ["/bin/bash", "-e", "-c", step["run"]], env=environment, capture_output=True, text=True, check=False
    )
    return done, output.read_text()


def test_every_target_of_make_that_is_run_exists() -> None:
    targets = set(re.findall(r"^([a-z.0-9-]+):", MAKEFILE, re.MULTILINE))
    asked = {target for file in FILES for target in re.findall(r"\bmake ([\w-]+)", file.read_text("utf-8"))}
    assert asked
    assert asked <= targets
    assert set(parsed("nightly")["jobs"]["run"]["strategy"]["matrix"]["target"]) <= targets


def test_every_night_the_faults_are_tried_in_full_and_schedules_and_examples_drawn() -> None:
    workflow = parsed("nightly")
    assert workflow["jobs"]["run"]["strategy"] == {
        "fail-fast": False,
        "matrix": {"target": ["faults", "soak", "properties", "audit", "bench", "coverage"]},
    }
    (run,) = runs(workflow)
    assert 'make "$TARGET"' in run


@pytest.mark.parametrize("name", ["checks", "nightly"])
def test_what_a_run_has_found_is_kept_also_if_it_failed(name: str) -> None:
    """A folder whose name begins with a dot is left out unless it is asked for."""
    uploads = [step for step in steps(parsed(name)) if "upload-artifact" in step.get("uses", "")]
    assert uploads
    for upload in uploads:
        assert upload["if"] == "${{ !cancelled() }}"
        assert upload["with"]["include-hidden-files"] is True
        assert ".build/reports" in upload["with"]["path"].split()


def test_the_jobs_are_the_parts_of_the_projects_own_check() -> None:
    """`.ci/run` does them one after the other; the functions' tests on Python 3.13 are in the matrix here."""
    workflow = parsed("checks")
    parts = {run.removeprefix("make ") for run in runs(workflow) if run.startswith("make ")}
    parts = parts - {'"$PART"'} | {*workflow["jobs"]["stack"]["strategy"]["matrix"]["part"]}
    (whole,) = re.findall(r"^test:.*(?:\n\t.*)*", MAKEFILE, re.MULTILINE)
    assert parts == {"lint", *(f"test-{part}" for part in ("functions", "schedules", "stack", "deployed", "ops"))}
    assert re.search(r"^lint: lint-quick types ", MAKEFILE, re.MULTILINE)
    assert {*parts, "lint-quick", "types", "test-3.13"} - {"lint"} <= set(re.findall(r"[\w.-]+", whole))
    assert workflow["jobs"]["unit"]["strategy"]["matrix"] == {"python-version": ["3.11", "3.13"]}
    assert (ROOT / ".ci" / "run").read_text("utf-8").endswith("exec make test\n")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100
