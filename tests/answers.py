"""How an `orders` command ended, run as a process or in this one, and what its JSON is held against."""

import json
from dataclasses import dataclass
from typing import Any

import jsonschema

from local.aws import ROOT

_SCHEMAS = ROOT / "ops" / "schemas"


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self, *, schema: str, code: int = 0) -> Any:
        """Give what was printed, held against its schema, if the command ended with this code."""
        assert self.code == code, self
        return validated(json.loads(self.out), schema)


def validated(found: Any, schema: str) -> Any:
    """Give what was found, if it is as the schema of that name says."""
    jsonschema.validate(found, json.loads((_SCHEMAS / f"{schema}.schema.json").read_text("utf-8")))
    return found
