"""How an `orders` command ended, run as a process or in this one, and what its JSON is checked against."""

import json
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema
import pytest
import typer
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


@cache
def make_command() -> Any:
    """Make the whole command line, once: that takes longer than most commands do."""
    return typer.main.get_command(app)


def run_in_process(*arguments: str, stdin: str | bytes = "") -> Answer:
    """Run `orders …` in this process: starting one takes longer still."""
    with CliRunner().isolation(input=stdin) as (out, err, _):
        with pytest.raises(SystemExit) as end:
            make_command().main([*arguments], prog_name="orders")
        sys.stdout.flush()
        sys.stderr.flush()
        assert isinstance(end.value.code, int), end.value.code
        return Answer(end.value.code, out.getvalue().decode(), err.getvalue().decode())


def validated(found: Any, schema: str) -> Any:
    """Give what was found, if it is as the schema of that name says."""
    jsonschema.validate(found, json.loads((_SCHEMAS / f"{schema}.schema.json").read_text("utf-8")))
    return found
