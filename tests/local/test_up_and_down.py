"""`make up` and `make down`: one local AWS a checkout, noted in a file believed only while it is true."""

# ruff: noqa: S603 - the programs run here are the tests' own

import inspect
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore import configprovider, credentials, plugin, tokens

from local.aws import LocalAws, LocalAwsError, __main__
from local.aws.state import StateFile
from ops.environment.variables import client_environment, find_outranking
from ops.local_aws import find_start
from tests.local.hostile import LOOKS, hostile_shell, settings

OUTPUTS = {
    "OrderTopicArn": "arn:aws:sns:us-west-2:000000000000:order-notifications-topic",
    "OddArn": "it's $HOME",
    "Path": "/evil",
    "AwsEndpointUrl": "http://evil.example",
}

# `up` leaves its child running on purpose; Python warns of that when it forgets the child.
pytestmark = pytest.mark.filterwarnings("ignore:.*Popen.__del__:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def note(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / ".local" / "aws.json"
    yield path
    running = StateFile(path).running()
    if running:
        running.stop()


@pytest.fixture
def run(note: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command line; nothing is deployed, since that has its own tests."""
    monkeypatch.setattr(__main__, "deploy_stack", lambda _aws, progress: progress("deploying") or OUTPUTS)
    monkeypatch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers
    return lambda *words: __main__.main(words, note=note)


def test_up_prints_lines_a_shell_can_evaluate_and_down_stops_it(
    run: Callable[..., int], note: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("up", "--port", "0") == 0
    lines = capfd.readouterr().out
    names = '"$AWS_ENDPOINT_URL" "$AWS_REGION" "$ORDERS_STAGE" "$ORDER_TOPIC_ARN" "$ODD_ARN"'
    echo = f'{lines}\nprintf "%s|" {names}; command -v orders'
    bare = {"PATH": "/usr/bin:/bin"}  # `make` has another, which holds them already
    shell = subprocess.run(["/bin/sh", "-c", echo], env=bare, capture_output=True, text=True, check=True)
    aws = StateFile(note).running()
    assert aws is not None
    orders = Path(sys.executable).with_name("orders")
    assert shell.stdout == f"{aws.endpoint}|us-west-2|local|{OUTPUTS['OrderTopicArn']}|{OUTPUTS['OddArn']}|{orders}\n"

    assert run("status") == 0
    assert run("down") == 0
    assert not aws.is_running
    assert not note.exists()
    assert not aws.directory.exists()
    assert run("status") == 3


ASKS = f"""
import boto3
for service, operation in {LOOKS!r}.items():
    client = boto3.client(service)
    assert client.meta.endpoint_url == boto3.client("sqs").meta.endpoint_url, client.meta.endpoint_url
    getattr(client, operation)()
print(client.meta.endpoint_url, client.meta.region_name)
"""


@pytest.mark.parametrize("shell", ["sh", "dash", "bash", "zsh"])
def test_the_lines_go_before_whatever_the_shell_held(  # noqa: PLR0917
    run: Callable[..., int],
    note: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    shell: str,
) -> None:
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    for name, value in hostile_shell(tmp_path).items():
        monkeypatch.setenv(name, value)
    assert run("up", "--port", "0") == 0
    aws = StateFile(note).running()
    assert aws is not None
    asked = subprocess.run(
        [shell, "-euc", f'eval "$1"; exec {shlex.quote(sys.executable)} -c "$2"', "-", capfd.readouterr().out, ASKS],
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.stdout == f"{aws.endpoint} us-west-2\n", asked.stderr


def test_only_what_must_be_is_unset(
    run: Callable[..., int], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "BOTO"))]:
        monkeypatch.delenv(name)
    kept = ("AWS_PAGER", "AWS_DEFAULT_OUTPUT", "AWS_CLI_AUTO_PROMPT", "MY_AWS_PROFILE", "AWS_REGION")
    for name in (*kept, "AWS_ENDPOINT_URL_NEWEST", "AWS_PAGER_URL", "BOTOCORE_EXPERIMENTAL__PLUGINS", "AWS_A;B"):
        monkeypatch.setenv(name, "x")
    run("up", "--port", "0")
    unset = [line for line in capfd.readouterr().out.splitlines() if line.startswith("unset")]
    assert unset == [
        "unset AWS_ENDPOINT_URL_NEWEST",
        "unset AWS_PAGER_URL",
        "unset BOTOCORE_EXPERIMENTAL__PLUGINS",
    ]


def test_every_variable_that_botocore_reads_is_unset_or_ours() -> None:
    read = {*settings().values(), *credentials_variables()}
    ours = client_environment("http://127.0.0.1:1")
    assert len(read) > 40
    assert {name for name in read if name not in ours and name not in find_outranking({name: "x"})} == set()


def credentials_variables() -> set[str]:
    """Give the names that botocore's sources look up for credentials and endpoints."""
    sources = [inspect.getsource(module) for module in (credentials, configprovider, tokens, plugin)]
    return set(re.findall(r"['\"]((?:AWS|BOTO)[A-Z0-9]*_[A-Z0-9_]+)['\"]", "".join(sources)))


@pytest.mark.parametrize("words", [("up",), ("up", "--port", "0")], ids=" ".join)
def test_up_again_deploys_to_the_one_that_is_up(
    run: Callable[..., int], note: Path, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    run("up", "--port", "0")
    first = StateFile(note).running()
    assert run(*words) == 0
    assert StateFile(note).running() == first
    assert "already up" in capfd.readouterr().err


def test_up_on_another_port_is_refused_while_one_is_up(
    run: Callable[..., int], note: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run("up", "--port", "0")
    aws = StateFile(note).running()
    assert aws is not None
    assert run("up", "--port", str(aws.port - 1)) == 1
    assert f"up already, on port {aws.port}" in capfd.readouterr().err
    assert aws.is_running


def test_a_taken_port_fails_with_one_line(
    run: Callable[..., int], note: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert run("up", "--port", str(listener.getsockname()[1])) == 1
    errors = capfd.readouterr().err
    assert "is taken by another program" in errors
    assert "Traceback" not in errors
    assert not note.exists()


def test_a_failed_deploy_leaves_nothing_up(
    run: Callable[..., int], note: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[LocalAws] = []

    def fail(aws: LocalAws, *, progress: Callable[[str], None]) -> dict[str, str]:
        progress("trying")
        seen.append(aws)
        raise LocalAwsError("`cdk deploy` failed [at once]")

    monkeypatch.setattr(__main__, "deploy_stack", fail)
    assert run("up", "--port", "0") == 1
    assert "error: `cdk deploy` failed [at once]" in capfd.readouterr().err
    assert not seen[0].is_running
    assert not note.exists()


def test_down_with_nothing_up_is_no_failure(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    assert run("down") == 0
    assert "no local AWS is up" in capfd.readouterr().err


OLDER_NOTE = {"pid": os.getpid(), "born": "12345", "port": 4566, "directory": "none"}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": "x"}', '{"pid": 1}', json.dumps(OLDER_NOTE)])
def test_a_damaged_note_is_no_note(run: Callable[..., int], note: Path, text: str) -> None:
    note.parent.mkdir()
    note.write_text(text)
    assert run("status") == 3
    assert not note.exists()


def test_a_note_of_a_dead_one_is_cleared_away_with_what_it_left(
    run: Callable[..., int], note: Path, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    left.mkdir()
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    note.parent.mkdir()
    note.write_text(json.dumps({"pid": dead.pid, "started": 1.0, "port": 4566, "directory": str(left)}))
    assert run("status") == 3
    assert not note.exists()
    assert not left.exists()


def test_a_stranger_with_the_noted_id_is_not_stopped(run: Callable[..., int], note: Path, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as stranger:
        note.parent.mkdir()
        fields = {
            "pid": stranger.pid,
            "started": 1.0,
            "port": 4566,
            "directory": str(tmp_path / "none"),
        }
        note.write_text(json.dumps(fields))
        assert run("down") == 0
        assert find_start(stranger.pid) is not None
        stranger.kill()
