"""How an `orders` command ended, run as a process or in this one, and what its JSON is checked against."""

import json
from dataclasses import dataclass
from typing import Any

import jsonschema
from typer.testing import CliRunner

from local.aws import ROOT
from ops.app import app

_SCHEMAS = ROOT / "ops" / "schemas"


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self, *, schema: str, code: int = 0) -> Any:
        """Give what was printed, checked against its schema, if the command ended with this code."""
        assert self.code == code, self
        return validated(json.loads(self.out), schema)


def run_in_process(*arguments: str, stdin: str | bytes = "") -> Answer:
    """Run `orders …` in this process: starting one takes longer than most commands do."""
    found = CliRunner().invoke(app, [*arguments], input=stdin, prog_name="orders")
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    return Answer(found.exit_code, found.stdout, found.stderr)


def validated(found: Any, schema: str) -> Any:
    """Give what was found, if it is as the schema of that name says."""
    jsonschema.validate(found, json.loads((_SCHEMAS / f"{schema}.schema.json").read_text("utf-8")))
    return found
