"""The message that a shop publishes: parsed, and held against its contract."""

import json
import math
from pathlib import Path
from typing import Any, Final, NoReturn

import fastjsonschema

from functions.shared.errors import InvalidOrder
from functions.shared.order import Line, Order

SCHEMA: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("order_message.schema.json").read_text("utf-8"))

MOST_PIECES: Final = SCHEMA["properties"]["items"]["items"]["properties"]["quantity"]["maximum"]

# Compiled once: Powertools' `validate` compiles the schema anew for every message, 6 ms each.
_validate = fastjsonschema.compile(SCHEMA)


def parse_order(body: str) -> Order:
    """Read an order out of a message's body; unknown fields are ignored, repeated lines of an item add up.

    Raises:
        InvalidOrder: naming the field and the rule, never the value: it may be an address.
    """
    data = _load(body)
    try:
        _validate(data)
    except fastjsonschema.JsonSchemaValueException as error:
        raise InvalidOrder(_explain(error)) from error
    return Order(data["order_id"], data["customer_email"], _lines(data["items"]))


def _load(body: str) -> Any:
    try:
        return _decode(body)
    except RecursionError as error:
        raise InvalidOrder("message: is nested too deep") from error
    except ValueError as error:  # also a number of more digits than Python reads
        raise InvalidOrder("message: must be JSON") from error


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidOrder(f"message: must be JSON, and {name} is not")


# A number with a point or an exponent is no whole number here, not even 2.0, and none may be too large to read.
_decode = json.JSONDecoder(parse_float=lambda _: math.nan, parse_constant=_refuse_constant).decode


def _explain(error: fastjsonschema.JsonSchemaValueException) -> str:
    """Put a broken rule into words: the path of the field, and the sentence that the schema has for it."""
    field, rule = error.path[1:], error.definition["description"]
    if error.rule == "required":
        missing = next(name for name in error.rule_definition if name not in error.value)
        field, rule = (
            [*field, missing],
            "is missing; " + error.definition["properties"][missing]["description"],
        )
    path = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in field).removeprefix(".")
    return f"{path or 'message'}: {rule}"


def _lines(items: list[dict[str, Any]]) -> tuple[Line, ...]:
    pieces: dict[str, int] = {}
    for item in items:
        pieces[item["item_id"]] = pieces.get(item["item_id"], 0) + item["quantity"]
    if any(quantity > MOST_PIECES for quantity in pieces.values()):
        raise InvalidOrder(f"items: the lines of one item must add up to at most {MOST_PIECES}")
    return tuple(Line(item_id, quantity) for item_id, quantity in sorted(pieces.items()))
