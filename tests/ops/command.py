"""The `orders` command in this process, on a stack that is moto's: for every way it can end, quickly."""

import json
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from ops.cli import options
from ops.cli.app import app
from ops.local_aws import ROOT
from ops.stack import Stack

SCHEMAS = ROOT / "ops" / "cli" / "schemas"


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str


class Command:
    """`orders --local …`, where `stack` is what is found."""

    def __init__(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(options, "connect_local", lambda: stack)

    def __call__(self, *arguments: str, stdin: str = "") -> Answer:
        found = CliRunner().invoke(app, ["--local", *arguments], input=stdin, prog_name="orders")
        if found.exception and not isinstance(found.exception, SystemExit):
            raise found.exception
        return Answer(found.exit_code, found.stdout, found.stderr)

    def json(self, *arguments: str, schema: str, code: int = 0) -> Any:
        """Run it with --json, hold what it prints against its schema, and give it."""
        answer = self(*arguments, "--json")
        assert answer.code == code, answer
        found = json.loads(answer.out)
        jsonschema.validate(found, json.loads((SCHEMAS / f"{schema}.schema.json").read_text("utf-8")))
        return found
