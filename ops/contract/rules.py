"""Rules for what an operator types, from the same schema that the starter checks messages against."""

import re
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import fastjsonschema

from functions.shared.message import SCHEMA
from ops.errors import BadInput

# A count beyond it is a slip of the keyboard; DynamoDB would take far more.
MOST_AVAILABLE: Final = 1_000_000_000

LONGEST_ID: Final[int] = SCHEMA["properties"]["order_id"]["maxLength"]
LONGEST_REASON: Final = 200

# As many digits as the largest count has. Python's own `int` takes far more: 1_000, ٥, and spaces around.
_WHOLE: Final = re.compile(rf"0|-?[1-9][0-9]{{0,{len(str(MOST_AVAILABLE)) - 1}}}")

_NUMBER: Final = re.compile(r"[0-9]{1,5}(\.[0-9]{1,3})?")
_DURATION: Final = re.compile(r"([0-9]{1,5})(s|m|min|h|d)")
_UNITS: Final = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days"}

_LINE: Final[dict[str, Any]] = SCHEMA["properties"]["items"]["items"]["properties"]


def _make_rule(schema: dict[str, Any]) -> Callable[[str, str], str]:
    validate = fastjsonschema.compile(schema)

    def check(field: str, value: str) -> str:
        try:
            validate(value)
        except fastjsonschema.JsonSchemaValueException as error:
            raise BadInput(f"{field}: {schema['description']}") from error
        return value

    return check


item_id: Final = _make_rule(_LINE["item_id"])
order_id: Final = _make_rule(SCHEMA["properties"]["order_id"])
email: Final = _make_rule(SCHEMA["properties"]["customer_email"])
"""Each takes the field's name and a value, and returns the value; `BadInput` names the field and the rule."""


def whole_number(field: str, text: str, *, least: int, most: int = MOST_AVAILABLE) -> int:
    """Read a whole number in plain digits, as 0, 7 or -7; `BadInput` names the field and the rule."""
    number = int(text) if _WHOLE.fullmatch(text) else None
    if number is None or not least <= number <= most:
        raise BadInput(f"{field}: must be a whole number from {least} to {most}, in digits alone, not {text!r}")
    return number


def read_number(field: str, text: str, *, least: float, of: str) -> float:
    """Read a number of something, such as seconds, as 2 or 0.5; `BadInput` names the field and the rule."""
    found = float(text) if _NUMBER.fullmatch(text) else None
    if found is None or found < least:
        raise BadInput(f"{field}: must be a number of {of} from {least}, as in 2 or 0.5, not {text!r}")
    return found


def read_reason(text: str) -> str:
    """Read why somebody did something; `BadInput` names the rule."""
    if not text or text != text.strip() or len(text) > LONGEST_REASON or not all(map(is_printable, text)):
        raise BadInput(f"--reason: must be 1 to {LONGEST_REASON} printable characters, the first and last no space")
    return text


def is_printable(character: str) -> bool:
    """Whether it can stand in a line of text: spaces of all kinds too, which Python's own `isprintable` refuses."""
    return character.isprintable() or unicodedata.category(character) == "Zs"


def read_duration(field: str, text: str) -> timedelta:
    """Read a length of time such as 90s, 30m, 2h or 7d; `BadInput` names the field and the rule."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise BadInput(f"{field}: must be a length of time such as 90s, 30m, 2h or 7d, not {text!r}")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
