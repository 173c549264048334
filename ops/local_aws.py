"""The local AWS as whoever speaks to it sees it: where the one is that `make up` started, and clients of it."""

import json
import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.session import Session as BotocoreSession

HOST: Final = "127.0.0.1"
REGION: Final = "us-west-2"  # so that the topic's ARN has the region the documentation shows
NOTE: Final = Path(__file__).resolve().parents[1] / ".local" / "aws.json"
_SETTINGS: Mapping[str, Any] = BotocoreSession.SESSION_VARIABLES


def endpoint_of(port: int) -> str:
    """Return the address at which every AWS API of the local AWS answers."""
    return f"http://{HOST}:{port}"


def find_endpoint(note: Path) -> str | None:
    """Return the address of the local AWS that was noted in a file; None unless that very process still runs."""
    try:
        noted = json.loads(note.read_text(encoding="utf-8"))
        runs = birth_of(int(noted["pid"])) == str(noted["born"])
        return endpoint_of(int(noted["port"])) if runs else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


@cache
def client_at(endpoint: str, service: str) -> Any:
    """Return a boto3 client of the local AWS there, whatever profile, proxy or credentials the shell holds.

    One for all who ask: making one takes longer than most calls.
    """
    name: Any = service  # the stubs list four hundred literal names; ours is any of them
    return _session().client(
        name,
        endpoint_url=endpoint,
        config=Config(proxies={}, connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 3}),
    )


@cache
def _session() -> boto3.Session:
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


def birth_of(pid: int) -> str | None:
    """Return what tells this process from any later one with its id; None if none runs.

    On Linux `/proc` knows the start (field 22 of `stat`; a slim container has no `ps`), elsewhere `ps` does.
    """
    if Path("/proc/self/stat").exists():
        try:
            # The command's name, in parentheses, may itself hold spaces and parentheses.
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        state, started = fields[0], fields[19]
        return None if state in {"Z", "X"} else started
    answer = subprocess.run(  # noqa: S603 - the one variable word is a number
        ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607 - where ps stands differs between systems
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or None
