"""The `orders` command as its user runs it: a process, an exit code, what it prints."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.aws.environment import client_environment
from tests.answers import Answer
from tests.deployed.conftest import Pipeline

_COMMAND = Path(sys.executable).with_name("orders")
_LIMIT_SECONDS = 120


@dataclass(frozen=True)
class Orders:
    """The command line, pointed at the deployed stack as `eval "$(make up)"` and `export ORDERS_STAGE=local` do it."""

    endpoint: str
    folder: Path

    def __call__(self, *arguments: str, stdin: str = "") -> Answer:
        """Run a command against the local AWS; what it prints must never be a traceback."""
        return self.run(*arguments, stdin=stdin, ORDERS_STAGE="local")

    def run(self, *arguments: str, stdin: str = "", **variables: str) -> Answer:
        """Run a command as it stands, with more environment variables."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        done = subprocess.run(  # noqa: S603 - the project's own command
            [_COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=self.folder,
            env={**kept, **client_environment(self.endpoint), "COLUMNS": "120", **variables},
            timeout=_LIMIT_SECONDS,
            check=False,
        )
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str, schema: str, code: int = 0) -> Any:
        """Run a command with --json, hold what it prints against its schema, and give it."""
        return self(*arguments, "--json").json(schema=schema, code=code)


@pytest.fixture
def orders(pipeline: Pipeline, tmp_path: Path) -> Orders:
    """Give the command line, in an empty folder of its own."""
    return Orders(pipeline.aws.endpoint, tmp_path)
