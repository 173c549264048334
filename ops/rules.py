"""The contract's rules for what an operator types: the very schema that the starter holds messages against."""

from collections.abc import Callable
from typing import Any, Final

import fastjsonschema

from functions.start_workflow.message import SCHEMA
from ops.errors import BadInput

# A count beyond it is a slip of the keyboard; DynamoDB would take far more.
MOST_AVAILABLE: Final = 1_000_000_000

_LINE: Final[dict[str, Any]] = SCHEMA["properties"]["items"]["items"]["properties"]


def _rule(schema: dict[str, Any]) -> Callable[[str, str], str]:
    validate = fastjsonschema.compile(schema)

    def check(field: str, value: str) -> str:
        try:
            validate(value)
        except fastjsonschema.JsonSchemaValueException as error:
            raise BadInput(f"{field}: {schema['description']}") from error
        return value

    return check


item_id: Final = _rule(_LINE["item_id"])
order_id: Final = _rule(SCHEMA["properties"]["order_id"])
email: Final = _rule(SCHEMA["properties"]["customer_email"])
"""Each takes the field's name and a value, and returns the value; `BadInput` names the field and the rule."""


def whole_number(field: str, text: str, *, least: int, most: int = MOST_AVAILABLE) -> int:
    """Read a whole number; `BadInput` names the field and the rule."""
    number = int(text) if text.strip().removeprefix("-").removeprefix("+").isascii() and _is_whole(text) else None
    if number is None or not least <= number <= most:
        raise BadInput(f"{field}: must be a whole number from {least} to {most}, not {text!r}")
    return number


def _is_whole(text: str) -> bool:
    digits = text.strip().removeprefix("-").removeprefix("+")
    return digits.isdigit() and len(digits) <= len(str(MOST_AVAILABLE))
