"""The message that a shop publishes: parsed, and checked against its contract."""

import json
import math
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, NoReturn

import fastjsonschema

from functions.shared.errors import InvalidOrder
from functions.shared.order import Line, Order

SCHEMA: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("order_message.schema.json").read_text("utf-8"))

_ORDER: Final = SCHEMA["properties"]
_LINE: Final = _ORDER["items"]["items"]["properties"]

MOST_PIECES: Final = _LINE["quantity"]["maximum"]

# Compiled once: Powertools' `validate` compiles the schema anew for every message, 6 ms each.
_validate = fastjsonschema.compile(SCHEMA)

# Messages that arrive in place of an order when something before the topic is misconfigured, by their fields.
_MISTAKEN: Final = (
    (
        {"Type", "MessageId", "TopicArn", "Message"},
        "is an SNS envelope; deliver the order itself (raw message delivery)",
    ),
    (
        {"detail-type", "source", "detail"},
        "is an EventBridge event; deliver the order itself (the event's detail)",
    ),
    ({"Records"}, "is a batch of AWS event records, as S3 sends them; publish the order itself"),
    ({"Service", "Event", "Bucket"}, "is a test event of S3; publish the order itself"),
    ({"line_items"}, "is an order as a web shop's webhook sends it; publish it with the fields of this contract"),
)


def parse_order(body: str) -> Order:
    """Read an order out of a message's body; unknown fields are ignored, repeated lines of an item add up.

    Raises:
        InvalidOrder: naming the field and the rule, never the value: it may be an address.
    """
    data = _load_json(body)
    try:
        _validate(data)
    except fastjsonschema.JsonSchemaValueException as error:
        raise InvalidOrder(_recognise_foreign_message(data) or _explain_violation(error)) from error
    return Order(data["order_id"], data["customer_email"], _read_lines(data["items"]))


def _load_json(body: str) -> Any:
    if body.startswith("\ufeff"):
        raise InvalidOrder("message: must be JSON, without the byte order mark before it")
    try:
        return _decode(body)
    except RecursionError as error:
        raise InvalidOrder("message: is nested too deep") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidOrder(f"message: must be JSON, and is not at {place}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidOrder(f"message: must be JSON, and {name} is not")


def _read_number(literal: str) -> int | float:
    """Read a number exactly if it may be a quantity, however it is spelled (2, 2.0, 20e-1); any other is NaN.

    NaN breaks the schema's rule as the number itself would, and costs nothing: 1e999999999 has a billion digits.
    """
    try:
        number = Decimal(literal)
    except InvalidOperation:  # an exponent beyond what Decimal holds
        return math.nan
    return int(number) if 1 <= number <= MOST_PIECES and number == number.to_integral_value() else math.nan


def _read_object(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a field that is there twice, also an unknown one: JSON readers disagree on which of them counts."""
    read: dict[str, Any] = {}
    for name, value in fields:
        if name in read:
            known = name in _ORDER or name in _LINE  # a stranger's name may be an address
            raise InvalidOrder(f"{name}: must be there once" if known else "message: must have each field once")
        read[name] = value
    return read


_decode = json.JSONDecoder(
    object_pairs_hook=_read_object,
    parse_int=_read_number,
    parse_float=_read_number,
    parse_constant=_refuse_constant,
).decode


def _recognise_foreign_message(data: Any) -> str | None:
    """Say what a message is that has none of an order's fields, if it plainly is something else."""
    if not isinstance(data, dict) or data.keys() & _ORDER.keys():
        return None
    return next((f"message: {what}" for signs, what in _MISTAKEN if signs <= data.keys()), None)


def _explain_violation(error: fastjsonschema.JsonSchemaValueException) -> str:
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


def _read_lines(items: list[dict[str, Any]]) -> tuple[Line, ...]:
    pieces: dict[str, int] = {}
    for item in items:
        pieces[item["item_id"]] = pieces.get(item["item_id"], 0) + item["quantity"]
    if any(quantity > MOST_PIECES for quantity in pieces.values()):
        raise InvalidOrder(f"items: the lines of one item must add up to at most {MOST_PIECES}")
    return tuple(Line(item_id, quantity) for item_id, quantity in sorted(pieces.items()))
