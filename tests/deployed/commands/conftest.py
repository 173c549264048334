"""The `orders` command as its user runs it, in this process or one of its own: an exit code, what it prints."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops.books import commands as check
from ops.dead_letters import queues
from ops.environment.variables import client_environment
from ops.orders import publish
from tests.answers import Answer, run_in_process
from tests.deployed.conftest import DeployedPipeline

_COMMAND = Path(sys.executable).with_name("orders")
_LIMIT_SECONDS = 120
# What a command waits for between two looks, here: AWS's queues need the time, and its readers; one machine does not.
_PAUSES = ((queues, "_WAIT", 0), (publish, "_PAUSE", 0.1), (check, "PAUSE_SECONDS", 0.2))


@dataclass(frozen=True)
class Orders:
    """The command line, pointed at the deployed stack as `eval "$(make up)"` and `export ORDERS_STAGE=local` do it."""

    endpoint: str
    folder: Path

    def __call__(self, *arguments: str, stdin: str = "") -> Answer:
        """Run a command against the local AWS, in this process."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in {**self._variables(), "ORDERS_STAGE": "local"}.items():
                patch.setenv(name, value)
            for module, name, seconds in _PAUSES:
                patch.setattr(module, name, seconds)
            return run_in_process(*arguments, stdin=stdin)

    def run(self, *arguments: str, stdin: str = "", **variables: str) -> Answer:
        """Run a command as a process, with more environment variables; what it prints must never be a traceback."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        done = subprocess.run(  # noqa: S603 - the project's own command
            [_COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=self.folder,
            env={**kept, **self._variables(), **variables},
            timeout=_LIMIT_SECONDS,
            check=False,
        )
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    def _variables(self) -> dict[str, str]:
        return {**client_environment(self.endpoint), "COLUMNS": "120"}

    def json(self, *arguments: str, schema: str, code: int = 0) -> Any:
        """Run a command with --json, check what it prints against its schema, and give it."""
        return self(*arguments, "--json").json(schema=schema, code=code)


@pytest.fixture
def orders(pipeline: DeployedPipeline, tmp_path: Path) -> Orders:
    """Give the command line, in an empty folder of its own."""
    return Orders(pipeline.aws.endpoint, tmp_path)
