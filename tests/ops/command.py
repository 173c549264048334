"""The `orders` command in this process, on a stack that is moto's: for every way it can end, quickly."""

from typing import Any

import pytest

from ops.stack import Stack
from ops.terminal import options
from tests.answers import Answer, run_in_process


class Command:
    """`orders …` where `ORDERS_STAGE` names the stack, or options do, and `stack` is what is found."""

    def __init__(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ORDERS_STAGE", "local")
        monkeypatch.setattr(options, "connect_local", lambda: stack)
        monkeypatch.setattr(options, "connect_stack", lambda *_named, **_options: stack)

    def __call__(self, *arguments: str, stdin: str | bytes = "") -> Answer:
        return run_in_process(*arguments, stdin=stdin)

    def json(self, *arguments: str, schema: str, code: int = 0) -> Any:
        """Run it with --json, hold what it prints against its schema, and give it."""
        return self(*arguments, "--json").json(schema=schema, code=code)
