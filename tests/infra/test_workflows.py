"""What GitHub runs: no more permissions than it needs, no key of AWS's, and nothing that is not fixed."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.infra.conftest import ROOT

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
# Actions of others are code that runs with our permissions: a tag can be moved, a commit cannot.
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def parsed(name: str) -> Any:
    return yaml.safe_load((FOLDER / f"{name}.yml").read_text("utf-8"))


def triggers(workflow: Any) -> Any:
    return workflow[True]  # `on`, to YAML 1.1


def steps(workflow: Any) -> Iterator[Any]:
    for job in workflow["jobs"].values():
        yield from job.get("steps", ())


def test_the_workflows_are_these() -> None:
    assert [file.stem for file in FILES] == ["ci", "deploy-stage", "deploy", "nightly"]


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
    for name, when in (("ci", {"pull_request", "push"}), ("nightly", {"schedule", "workflow_dispatch"})):
        workflow = parsed(name)
        assert workflow["permissions"] == {"contents": "read"}
        assert all("permissions" not in job for job in workflow["jobs"].values())
        assert set(triggers(workflow)) == when


def test_a_deployment_may_read_and_ask_aws_for_a_role() -> None:
    for name in ("deploy", "deploy-stage"):
        workflow = parsed(name)
        assert workflow["permissions"] == {}
        for job in workflow["jobs"].values():
            assert job["permissions"] == {"contents": "read", "id-token": "write"}


def test_no_checkout_leaves_its_token_behind() -> None:
    for name in ("ci", "deploy-stage", "nightly"):
        checkouts = [step for step in steps(parsed(name)) if step.get("uses", "").startswith("actions/checkout@")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False]


def test_prod_follows_dev_and_both_take_what_ci_has_checked() -> None:
    workflow = parsed("deploy")
    assert triggers(workflow) == {
        "workflow_run": {"workflows": ["ci"], "types": ["completed"], "branches": ["main"]},
        "workflow_dispatch": None,
    }
    dev, prod = workflow["jobs"]["dev"], workflow["jobs"]["prod"]
    assert prod["needs"] == "dev"
    assert [job["with"]["stage"] for job in (dev, prod)] == ["dev", "prod"]
    assert {job["with"]["commit"] for job in (dev, prod)} == {"${{ github.event.workflow_run.head_sha || github.sha }}"}
    for demand in (
        "workflow_run.conclusion == 'success'",
        "workflow_run.event == 'push'",
        "github.ref == 'refs/heads/main'",
    ):
        assert demand in dev["if"]
    assert workflow["concurrency"]["cancel-in-progress"] is False


def test_a_stage_is_deployed_from_its_own_environment_after_its_differences_were_shown() -> None:
    job = parsed("deploy-stage")["jobs"]["deploy"]
    assert job["environment"] == "${{ inputs.stage }}"
    (credentials,) = [step for step in job["steps"] if "configure-aws-credentials" in step.get("uses", "")]
    assert credentials["with"] == {
        "role-to-assume": "${{ vars.AWS_ROLE_ARN }}",
        "aws-region": "${{ vars.AWS_REGION }}",
    }
    runs = [step["run"] for step in job["steps"] if "run" in step]
    assert runs[:2] == ["make install", "make diff"]
    assert "cdk deploy" in runs[2]


def test_every_target_of_make_that_is_run_exists() -> None:
    targets = set(re.findall(r"^([a-z.0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    asked = {target for file in FILES for target in re.findall(r"\bmake ([\w-]+)", file.read_text("utf-8"))}
    assert asked
    assert asked <= targets


def test_every_night_the_faults_are_tried_in_full_and_schedules_drawn() -> None:
    (job,) = parsed("nightly")["jobs"].values()
    assert job["strategy"] == {"fail-fast": False, "matrix": {"target": ["faults", "soak"]}}
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make ${{ matrix.target }}"]


def test_ci_is_the_projects_own_check() -> None:
    runs = [step["run"] for step in steps(parsed("ci")) if "run" in step]
    assert runs == [".ci/run"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100
