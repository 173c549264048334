"""JSON Schemas of what the commands print with --json, made of the classes that they print.

A property is a field, its description the text below the field; what a dataclass keeps from its repr is not printed.
They are kept in the repository, so that a change of what commands print is seen: it breaks somebody's script.
"""

import ast
import inspect
import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from enum import EnumType
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from ops.books.commands import CheckAnswer
from ops.cost.estimate import Estimate
from ops.dead_letters.commands import AdvisedLetter
from ops.dead_letters.queues import Peek
from ops.doctor.consultation import DoctorAnswer
from ops.mail.addresses import SesAccount
from ops.mail.commands import AddressesAnswer
from ops.mail.read_command import MailsAnswer
from ops.orders import answers as orders
from ops.orders.logs import OrderLog
from ops.orders.watch_lines import OrderLine, QueuesLine
from ops.stock.commands import StockAnswer
from ops.stock.import_command import ImportAnswer

FOLDER: Final = Path(__file__).resolve().parents[1] / "ops" / "schemas"
ANSWERS: Final[Mapping[str, tuple[str, Any]]] = {
    "check": ("orders check --json", CheckAnswer),
    "cost": ("orders cost --json", Estimate),
    "dlq-list": ("orders dlq list --json", Peek),
    "dlq-show": ("orders dlq show ID --json", AdvisedLetter),
    "doctor": ("orders doctor --json", DoctorAnswer),
    "email-read": ("orders email read ORDER --json", MailsAnswer),
    "email-sandbox": ("orders email sandbox --json", SesAccount),
    "email-status": ("orders email status --json", AddressesAnswer),
    "list": ("orders list --json", orders.ListAnswer),
    "logs": ("orders logs ORDER --json", OrderLog),
    "place": ("orders place --json, orders retry --json", orders.PlaceAnswer),
    "retry-many": ("orders retry --status … --json, and with any other filter", orders.RetryManyAnswer),
    "show": ("orders show --json", orders.ShowAnswer),
    "stock-import": ("orders stock import FILE.csv --json", ImportAnswer),
    "stock-show": ("orders stock show [ITEM]… --json", StockAnswer),
    "stuck": ("orders stuck --json", orders.StuckAnswer),
    "watch": ("a line of orders watch --json", OrderLine | QueuesLine),
}
_PLAIN: Final[Mapping[Any, Mapping[str, str]]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    datetime: {"type": "string", "format": "date-time"},
}


def write_schemas() -> None:
    """Write each to its file."""
    for name in ANSWERS:
        (FOLDER / f"{name}.schema.json").write_text(render_schema(name), encoding="utf-8")


def render_schema(name: str) -> str:
    """Give the schema of an answer as its file holds it."""
    title, kind = ANSWERS[name]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return json.dumps(head | make_schema(kind), indent=2, ensure_ascii=False) + "\n"


def make_schema(kind: Any) -> dict[str, Any]:
    """Make the schema of a type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if origin is Annotated:
        return make_schema(arguments[0]) | dict(arguments[1:])
    if origin is Literal or isinstance(kind, EnumType):
        return {"type": "string", "enum": arguments or [*kind]}
    if origin in (Union, UnionType):
        return _make_choice(
            [make_schema(one) for one in arguments if one is not NoneType], may_be_null=NoneType in arguments
        )
    if origin in (list, tuple, Sequence):
        return {"type": "array", "items": make_schema(arguments[0])}
    return _make_object(kind)


def _make_choice(options: list[dict[str, Any]], *, may_be_null: bool) -> dict[str, Any]:
    if may_be_null and len(options) == 1 and options[0]["type"] != "object":
        (only,) = options
        listed = {"enum": (*only["enum"], None)} if "enum" in only else {}
        return only | {"type": [only["type"], "null"]} | listed
    return {"oneOf": [*options, {"type": "null"}] if may_be_null else options}


def _make_object(kind: Any) -> dict[str, Any]:
    told, hints = _read_descriptions(kind), get_type_hints(kind, include_extras=True)
    shown = {one.name: hints[one.name] for one in fields(kind) if one.repr}
    for name in shown.keys() - told.keys():
        raise TypeError(f"{kind.__name__}.{name} has no description below it")
    return {
        "type": "object",
        "description": (inspect.getdoc(kind) or "").partition("\n")[0].removesuffix("."),
        "additionalProperties": False,
        "required": list(shown),
        "properties": {name: {"description": told[name]} | make_schema(hint) for name, hint in shown.items()},
    }


def _read_descriptions(kind: Any) -> dict[str, str]:
    """Read what stands below each field of a class and of those that it is made of, which only its source tells."""
    told = dict[str, str]()
    for one in kind.__mro__:
        if one.__module__ == "builtins":
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        for statement, below in pairwise(getattr(definition, "body", ())):
            match statement, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    told.setdefault(name, _in_one_line(text))
    return told


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    write_schemas()
