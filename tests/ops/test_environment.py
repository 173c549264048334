"""The tests, and what `make` runs, go by the project alone, whatever the guides have told a person to set."""

# ruff: noqa: S603 - the program run here is this environment's own

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from infra.paths import ROOT
from ops.environment.exports import format_exports
from ops.stack import Account, LocalAccount, Stack
from tests.shell_environment import forget_shell

_GUIDES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
_KEPT = {"PATH", "NO_PROXY", "no_proxy"}  # what these name is the machine's, and holds more than ours


def outputs(assembly: Path) -> dict[str, str]:
    """Give the stack's outputs, each with a value that no stack of a test has."""
    template = json.loads((assembly / "order-processing-local.template.json").read_text("utf-8"))
    return dict.fromkeys(template["Outputs"], "of-another-stack")


def exported(text: str) -> dict[str, str]:
    """Give what the `export` lines of a text set, a line with several too."""
    lines = re.findall(r"^export (.+?)(?:  +#.*)?$", text, re.MULTILINE)
    return dict(word.partition("=")[::2] for line in lines for word in re.findall(r"\w+=\S*", line))


@pytest.fixture(scope="module")
def told(local_assembly: Path) -> dict[str, str]:
    """Give everything that the guides tell people to set, with what `make up` prints."""
    stack = Stack("order-processing-local", "us-west-2", LocalAccount("http://127.0.0.1:1"), outputs(local_assembly))
    texts = [guide.read_text("utf-8") for guide in _GUIDES] + [format_exports(stack)]
    found = {name: value for text in texts for name, value in exported(text).items() if name not in _KEPT}
    assert {"ORDERS_STAGE", "AWS_ENDPOINT_URL", "ORDER_TOPIC_ARN"} <= found.keys()
    return found


def test_a_test_sees_nothing_of_what_the_guides_tell_people_to_set(told: dict[str, str]) -> None:
    shell = {**told, "UV_INDEX_URL": "https://company.example", "PATH": "/bin"}
    forget_shell(shell)
    assert shell.keys() == {"UV_INDEX_URL", "PATH"}


def test_tests_pass_in_a_shell_in_which_all_of_it_is_set(told: dict[str, str]) -> None:
    those = ["tests/ops/terminal/test_options.py", "tests/functions/test_start_workflow.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *those]
    shell = {**os.environ, **told, "FORCE_COLOR": "1", "COLUMNS": "20", "ORDERS_STAGE": "prod"}
    done = subprocess.run(command, env=shell, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout


def test_the_lines_of_a_stage_on_aws_point_every_tool_at_its_account_and_region() -> None:
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1")
    stack = Stack(
        "order-processing-dev", "eu-west-1", Account(session, "work"), {"Path": "/evil", "OrderTopicArn": "t"}
    )
    lines = format_exports(stack).splitlines()
    assert "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN" in lines
    assert exported("\n".join(lines)) == {
        "ORDERS_STAGE": "dev",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_PROFILE": "work",
        "ORDER_TOPIC_ARN": "t",
    }
