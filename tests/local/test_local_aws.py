"""The local AWS as a process: its own port and folder, and nothing left of it afterwards."""

# ruff: noqa: S603 - the programs run here are the tests' own

import io
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.paths import ROOT
from local.aws import LocalAws, LocalAwsError, deploy_stack, deployment, server
from local.aws.concurrency import PROCESSES_A_FUNCTION
from local.aws.environment import server_environment, tool_environment
from local.aws.process import kill_group
from ops import local_aws
from ops.environment.variables import client_environment
from ops.local_aws import NotedAws, find_start
from tests.local.hostile import LOOKS, hostile_shell

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEPER, start_new_session=True) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def untouched_aws() -> Iterator[LocalAws]:
    """Give one for tests that change nothing in it."""
    with LocalAws.start() as aws:
        yield aws


@pytest.fixture
def listening_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def gone_within(seconds: float, is_there: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while is_there():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_it_answers_aws_apis_and_leaves_nothing_behind() -> None:
    with LocalAws.start() as aws:
        url = aws.client("sqs").create_queue(QueueName="orders")["QueueUrl"]
        assert url == f"{aws.endpoint}/000000000000/orders"
        assert aws.mails() == []
        assert aws.directory.is_dir()
    assert not aws.is_running
    assert not aws.directory.exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", aws.port)) != 0


def test_two_share_nothing() -> None:
    with LocalAws.start() as one, LocalAws.start() as other:
        one.client("sqs").create_queue(QueueName="orders")
        assert other.client("sqs").list_queues().get("QueueUrls", []) == []
        assert one.directory != other.directory


def test_a_shell_set_up_for_the_real_aws_does_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in hostile_shell(tmp_path).items():
        monkeypatch.setenv(name, value)
    local_aws._make_session.cache_clear()
    with LocalAws.start() as aws:
        topic = aws.client("sns").create_topic(Name="orders")["TopicArn"]
        for service, operation in LOOKS.items():
            getattr(aws.client(service), operation)()
    assert topic == "arn:aws:sns:us-west-2:000000000000:orders"


def test_a_taken_port_is_named(listening_port: int) -> None:
    with pytest.raises(LocalAwsError, match=f"port {listening_port} of 127.0.0.1 is taken"):
        LocalAws.start(port=listening_port)


def test_a_free_port_lost_to_another_program_is_tried_again(
    listening_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = server._free_port()
    offered = iter([listening_port, free])
    monkeypatch.setattr(server, "_free_port", lambda: next(offered))
    with LocalAws.start() as aws:
        assert aws.port == free


def test_a_process_that_dies_at_once_is_reported_at_once_with_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(server, "_COMMAND", [sys.executable, "-c", "print('no such luck'); raise SystemExit(3)"])
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)  # read TMPDIR anew
    began = time.monotonic()
    with pytest.raises(LocalAwsError, match=r"(?s)exit code 3.*no such luck"):
        LocalAws.start()
    assert time.monotonic() - began < 10
    assert list(tmp_path.iterdir()) == []


def test_a_silent_process_is_given_up_and_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"import os, pathlib, time; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(60)"
    monkeypatch.setattr(server, "_COMMAND", [sys.executable, "-c", script])
    monkeypatch.setattr(server, "_READY_WITHIN_SECONDS", 1.0)
    with pytest.raises(LocalAwsError, match="did not answer on http"):
        LocalAws.start()
    assert find_start(int(note.read_text())) is None


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_program_stops_it(sent: signal.Signals) -> None:
    program = textwrap.dedent("""
        import signal, time
        from local.aws import LocalAws
        for sent in (signal.SIGINT, signal.SIGTERM):  # a background job starts with SIGINT ignored
            signal.signal(sent, signal.default_int_handler)
        with LocalAws.start() as aws:
            print(aws.pid, flush=True)
            time.sleep(60)
    """)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        started = find_start(pid)
        assert started is not None
        process.send_signal(sent)
        assert process.wait(timeout=20) != 0
    assert find_start(pid) != started


def test_stop_reaches_grandchildren_whose_parent_is_dead(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"""
import pathlib, subprocess, sys
child = subprocess.Popen({SLEEPER!r})
pathlib.Path({str(note)!r}).write_text(str(child.pid))
"""
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", script], start_new_session=True) as parent:
        parent.wait(timeout=20)
    grandchild = int(note.read_text())
    assert find_start(grandchild) is not None
    kill_group(parent.pid)
    assert gone_within(5, lambda: find_start(grandchild) is not None)


def test_a_process_is_told_apart_from_a_later_one_with_its_id(sleeper: subprocess.Popen[bytes]) -> None:
    started = find_start(sleeper.pid)
    assert started == find_start(sleeper.pid)
    sleeper.kill()
    assert gone_within(5, lambda: find_start(sleeper.pid) is not None)  # a zombie still
    sleeper.wait()
    assert find_start(sleeper.pid) is None


def test_no_id_of_a_process_is_no_process() -> None:
    assert find_start(-1) is None
    assert find_start(10**12) is None


@pytest.mark.skipif(not psutil.LINUX, reason="elsewhere a start is a moment, which no clock moves")
def test_a_process_stays_the_same_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = NotedAws(os.getpid(), find_start(os.getpid()) or 0.0, 4566, Path("none"))
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + 3600)
    assert psutil.Process(os.getpid()).create_time() > booted + 3600
    assert aws.is_running


def test_the_server_inherits_no_setting_of_another_project() -> None:
    shell = {
        "PATH": "/bin",
        "PYTHONPATH": "/elsewhere",
        "AWS_PROFILE": "mine",
        "AUTH": "true",
        "EDGE_PORT": "1",
        "HTTPS_PROXY": "http://proxy",
    }
    environment = server_environment(port=4321, temporary=Path("t"), wait_scale=0.5, inherited=shell)
    assert not {"PYTHONPATH", "AWS_PROFILE", "AUTH", "EDGE_PORT", "HTTPS_PROXY"} & environment.keys()
    assert environment["PATH"] == "/bin"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4321"
    assert environment["SFN_WAIT_SCALE"] == "0.5"


def test_the_cdk_keeps_the_shells_proxy_but_not_its_aws() -> None:
    shell = {
        "AWS_PROFILE": "mine",
        "HTTPS_PROXY": "http://proxy",
        "NO_PROXY": "internal",
        "UV_CACHE_DIR": "c",
    }
    environment = tool_environment(endpoint="http://127.0.0.1:4321", home=Path("home"), inherited=shell)
    assert "AWS_PROFILE" not in environment
    assert environment["HTTPS_PROXY"] == "http://proxy"
    assert environment["NO_PROXY"] == "internal,127.0.0.1"
    assert environment["UV_CACHE_DIR"] == "c"
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


@pytest.mark.parametrize(
    ("shell", "upper", "lower"),
    [
        ({}, "127.0.0.1", "127.0.0.1"),
        ({"NO_PROXY": "internal, .corp"}, "internal,.corp,127.0.0.1", "internal,.corp,127.0.0.1"),
        ({"NO_PROXY": "a", "no_proxy": "b"}, "a,127.0.0.1", "b,127.0.0.1"),
        ({"no_proxy": "127.0.0.1,a"}, "127.0.0.1,a", "127.0.0.1,a"),
        ({"NO_PROXY": "*"}, "*", "*"),  # in a list it would be nobody's name
    ],
)
def test_no_proxy_stands_between_and_the_shells_own_exceptions_stay(
    shell: dict[str, str], upper: str, lower: str
) -> None:
    environment = client_environment("http://127.0.0.1:4321", shell)
    assert (environment["NO_PROXY"], environment["no_proxy"]) == (upper, lower)


def test_a_deploy_reads_no_setting_of_the_persons_cdk_or_npm() -> None:
    shell = {"HOME": "/home/me", "npm_config_no_proxy": "", "NPM_CONFIG_PROXY": "http://proxy", "CDK_HOME": "elsewhere"}
    environment = tool_environment(endpoint="http://127.0.0.1:4321", home=Path("empty"), inherited=shell)
    assert environment["HOME"] == "empty"
    assert not {"npm_config_no_proxy", "NPM_CONFIG_PROXY", "CDK_HOME"} & environment.keys()


@pytest.fixture
def cdk_that(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a program in the place of the CDK's command line."""

    def replace(script: str) -> None:
        monkeypatch.setattr(deployment, "_cdk_command", lambda: [sys.executable, "-c", script])

    return replace


def test_a_failed_deploy_says_what_the_tool_said_last(untouched_aws: LocalAws, cdk_that: Callable[[str], None]) -> None:
    cdk_that("print('a role is missing'); raise SystemExit(7)")
    with pytest.raises(LocalAwsError, match=r"(?s)`cdk bootstrap`.*7.*a role is missing"):
        deploy_stack(untouched_aws)


def test_a_failed_deploy_says_so_if_the_local_aws_is_gone(cdk_that: Callable[[str], None]) -> None:
    cdk_that("raise SystemExit(1)")
    with LocalAws.start() as aws:
        kill_group(aws.pid)
        with pytest.raises(LocalAwsError, match="the local AWS is gone; its log ends"):
            deploy_stack(aws)


# Works until a file is there.
WAITS = """
import pathlib, time
def handler(event, context):
    while not pathlib.Path(event["until"]).exists():
        time.sleep(0.05)
    return "done"
"""
WRITES_OUTPUTS = """
import json, pathlib, sys
if "--outputs-file" in sys.argv:
    pathlib.Path(sys.argv[sys.argv.index("--outputs-file") + 1]).write_text(json.dumps({"stack": {"Name": "value"}}))
"""


def make_function(client: Any, name: str) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", WAITS)
    client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": archive.getvalue()},
        Timeout=60,
    )


def test_a_step_in_great_demand_does_not_crowd_out_the_starter(cdk_that: Callable[[str], None], tmp_path: Path) -> None:
    cdk_that(WRITES_OUTPUTS)
    with LocalAws.start() as aws, ThreadPoolExecutor(20) as threads:
        client = aws.client("lambda")
        for name in ("step", "starter"):
            make_function(client, name)
        assert deploy_stack(aws) == {"Name": "value"}

        def invoke(name: str, until: Path) -> str:
            try:
                answer = client.invoke(FunctionName=name, Payload=json.dumps({"until": str(until)}))
            except client.exceptions.TooManyRequestsException:
                return "throttled"
            return str(json.loads(answer["Payload"].read()))

        answered = tmp_path / "answered"
        demand = [threads.submit(invoke, "step", answered) for _ in range(12)]
        try:
            while sum(one.done() for one in demand) < 12 - PROCESSES_A_FUNCTION:  # those that are throttled
                time.sleep(0.05)
            assert invoke("starter", tmp_path) == "done"
        finally:
            answered.touch()
        assert [one.result() for one in demand].count("done") == PROCESSES_A_FUNCTION


def test_missing_tools_are_named(untouched_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(deployment, "find_tools", lambda: tmp_path)
    with pytest.raises(LocalAwsError, match=r"Node is missing .* `make install`"):
        deploy_stack(untouched_aws)
