"""One MiniStack: a process on 127.0.0.1, ready when `start` returns, gone without a trace after `stop`."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from local.aws.environment import server_environment
from local.aws.errors import LocalAwsError
from local.aws.process import kill_group
from ops.local_aws import HOST, NotedAws, client_at, find_start, get_path
from ops.mail.sent_mails import SentMail, read_sent_mails

# An idle machine needs two seconds; this is for two slow cores shared with a test run.
_READY_WITHIN_SECONDS = 90.0
_LOG_TAIL_LINES = 15
_FREE_PORT_TRIES = 3
# -P: the guard is run by its path, and its neighbours are no top-level modules.
_COMMAND = [sys.executable, "-P", str(Path(__file__).with_name("guard.py"))]


class _PortTakenError(LocalAwsError):
    """Somebody else listens there."""


@dataclass(frozen=True)
class LocalAws(NotedAws):
    """A running local AWS; as a context manager it stops at the end of the block."""

    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def start(
        cls, *, port: int = 0, wait_scale: float = 1.0, variables: Mapping[str, str] = MappingProxyType({})
    ) -> Self:
        """Start one and wait until it answers.

        Args:
            port: Where it listens; 0 takes any free port.
            wait_scale: Multiplies every wait and retry interval of Step Functions.
            variables: More of its environment, which the functions it runs get too: so
                `AWS_ENDPOINT_URL_DYNAMODB` sends their calls to DynamoDB somewhere else.

        Raises:
            LocalAwsError: The port is taken, or the process died or stayed silent.
        """
        if port:
            return cls._start_once(port, wait_scale, variables)
        for _ in range(_FREE_PORT_TRIES - 1):  # another process may take the port before it is bound
            try:
                return cls._start_once(_free_port(), wait_scale, variables)
            except _PortTakenError:
                continue
        return cls._start_once(_free_port(), wait_scale, variables)

    @classmethod
    def _start_once(cls, port: int, wait_scale: float, variables: Mapping[str, str]) -> Self:
        if _is_taken(port):
            raise _PortTakenError(
                f"port {port} of {HOST} is taken by another program;"
                " choose another (PORT=…), or PORT=0 for any free one"
            )
        directory = Path(tempfile.mkdtemp(prefix="order-processing-aws-"))
        process = _spawn_server(port=port, directory=directory, wait_scale=wait_scale, variables=variables)
        try:
            aws = cls(process.pid, find_start(process.pid) or 0.0, port, directory, process)
            aws._wait_until_ready(process)
        except BaseException:  # also Ctrl-C: nothing may be left behind
            _stop_server(process.pid, process, directory)
            raise
        return aws

    def stop(self) -> None:
        """Stop it and everything it started, and remove all it wrote."""
        _stop_server(self.pid if self.is_running else None, self._process, self.directory)

    def client(self, service: str) -> Any:
        """Return a boto3 client of it; see `client_at`."""
        return client_at(self.endpoint, service)

    def mails(self) -> list[SentMail]:
        """Return the mails that SES was given, oldest first."""
        return read_sent_mails(self.endpoint)

    def log_tail(self, lines: int = _LOG_TAIL_LINES) -> str:
        """Return the end of its log."""
        try:
            text = (self.directory / "ministack.log").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise self._describe_death(process.returncode)
            try:
                status, _ = get_path(self.endpoint, "/_ministack/ready")
            except (OSError, http.client.HTTPException):
                status = 0
            # Asked again afterwards: another program on the port may have been the one that answered.
            if status == http.HTTPStatus.OK and process.poll() is None:
                return
            time.sleep(0.05)
        raise LocalAwsError(
            f"the local AWS did not answer on {self.endpoint} within {_READY_WITHIN_SECONDS:.0f} s;"
            f" its log ends:\n{self.log_tail()}"
        )

    def _describe_death(self, code: int) -> LocalAwsError:
        kind = _PortTakenError if "in use" in self.log_tail() else LocalAwsError
        return kind(f"the local AWS ended at once (exit code {code}); its log ends:\n{self.log_tail()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _spawn_server(
    *, port: int, directory: Path, wait_scale: float, variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    temporary = directory / "tmp"
    temporary.mkdir()
    environment = {
        **server_environment(port=port, temporary=temporary, wait_scale=wait_scale, inherited=os.environ),
        **variables,
    }
    with (directory / "ministack.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - the command is this module's own
            _COMMAND,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=environment,
            start_new_session=True,  # its own group: Ctrl-C does not reach it, `kill_group` reaches all of it
        )


def _stop_server(pid: int | None, process: subprocess.Popen[bytes] | None, directory: Path) -> None:
    if pid is not None:
        kill_group(pid)
    if process is not None:
        process.wait()
    shutil.rmtree(directory, ignore_errors=True)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
