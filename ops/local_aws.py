"""Clients of the local AWS that `make up` started, and the file that says where it is."""

import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import psutil
from botocore.config import Config
from botocore.session import Session as BotocoreSession

HOST: Final = "127.0.0.1"
REGION: Final = "us-west-2"  # so that the topic's ARN has the region the documentation shows
ACCOUNT: Final = "000000000000"
NOTE: Final = Path(__file__).resolve().parents[1] / ".local" / "aws.json"
_SAME_START: Final = 1.0  # seconds; the clock may be set between two readings
_SETTINGS: Mapping[str, Any] = BotocoreSession.SESSION_VARIABLES


def endpoint_of(port: int) -> str:
    """Return the address at which every AWS API of the local AWS answers."""
    return f"http://{HOST}:{port}"


@dataclass(frozen=True)
class NotedAws:
    """A local AWS by what is noted of it: an id alone may belong to another process by now."""

    pid: int
    started: float  # as `find_start` gives it
    port: int
    directory: Path  # everything it writes, its log included

    @property
    def is_running(self) -> bool:
        """Whether this very process still runs."""
        started = find_start(self.pid)
        return started is not None and abs(started - self.started) < _SAME_START

    @property
    def endpoint(self) -> str:
        """The address of every AWS API."""
        return endpoint_of(self.port)


def read_note(path: Path) -> NotedAws | None:
    """Read what `make up` noted; None where there is no note, it is damaged, or of a version that noted otherwise."""
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
        return NotedAws(int(noted["pid"]), float(noted["started"]), int(noted["port"]), Path(noted["directory"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


@cache
def client_at(endpoint: str, service: str) -> Any:
    """Return a boto3 client of the local AWS there, whatever profile, proxy or credentials the shell holds.

    One for all who ask: making one takes longer than most calls.
    """
    name: Any = service  # the stubs list four hundred literal names; ours is any of them
    return _make_session().client(
        name,
        endpoint_url=endpoint,
        config=Config(proxies={}, connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 3}),
    )


@cache
def _make_session() -> boto3.Session:
    """One that reads neither files nor variables: each of botocore's settings has its default."""
    defaults = {name: (None, None, default, cast) for name, (_, _, default, cast) in _SETTINGS.items()}
    nothing = (None, None, os.devnull, None)
    return boto3.Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - MiniStack takes any
        region_name=REGION,
        botocore_session=BotocoreSession(
            session_vars={**defaults, "config_file": nothing, "credentials_file": nothing}
        ),
    )


def get_path(endpoint: str, path: str) -> tuple[int, bytes]:
    """Ask the emulator itself, beside AWS's APIs, and return the HTTP status and the body."""
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def find_start(pid: int) -> float | None:
    """Return when a process started, in seconds, the same whenever it is asked; None if none runs, or a zombie.

    Linux counts from the boot, whose own time moves when the clock is set, as after a virtual machine's sleep.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.create_time() - (psutil.boot_time() if psutil.LINUX else 0)
    except (psutil.NoSuchProcess, ValueError):  # ValueError: no process has such an id
        return None
