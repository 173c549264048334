"""The `orders` command in this process, on a stack that is moto's: for every way it can end, quickly."""

from typing import Any

import pytest
from typer.testing import CliRunner

from ops.app import app
from ops.stack import Stack
from ops.terminal import options
from tests.answers import Answer


class Command:
    """`orders …` where `ORDERS_STAGE` names the stack, or options do, and `stack` is what is found."""

    def __init__(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ORDERS_STAGE", "local")
        monkeypatch.setattr(options, "connect_local", lambda: stack)
        monkeypatch.setattr(options, "connect", lambda *_named, **_options: stack)

    def __call__(self, *arguments: str, stdin: str | bytes = "") -> Answer:
        found = CliRunner().invoke(app, [*arguments], input=stdin, prog_name="orders")
        if found.exception and not isinstance(found.exception, SystemExit):
            raise found.exception
        return Answer(found.exit_code, found.stdout, found.stderr)

    def json(self, *arguments: str, schema: str, code: int = 0) -> Any:
        """Run it with --json, hold what it prints against its schema, and give it."""
        return self(*arguments, "--json").json(schema=schema, code=code)
