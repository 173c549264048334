"""The schemas in the repository are what the classes of the commands' answers say, and the generator is right."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator

from tools.schemas import ANSWERS, FOLDER, make_schema, render_schema

Size = Annotated[str, ("enum", ("small", "large"))]


def test_there_is_a_file_for_each_answer_and_no_other() -> None:
    assert {path.name.partition(".")[0] for path in FOLDER.iterdir()} == set(ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_file_holds_what_the_classes_say(name: str) -> None:
    """A difference is a change of what scripts rely on: if it is meant, `make schemas` writes it."""
    assert (FOLDER / f"{name}.schema.json").read_text("utf-8") == render_schema(name)


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_made_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(json.loads(render_schema(name)))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (int, {"type": "integer"}),
        (datetime, {"type": "string", "format": "date-time"}),
        (float | None, {"type": ["number", "null"]}),
        (Annotated[int, ("minimum", 1), ("maximum", 9)], {"type": "integer", "minimum": 1, "maximum": 9}),
        (Size | None, {"type": ["string", "null"], "enum": ("small", "large", None)}),
        (Literal["a"], {"type": "string", "enum": ("a",)}),
        (tuple[str, ...], {"type": "array", "items": {"type": "string"}}),
        (list[int | None], {"type": "array", "items": {"type": ["integer", "null"]}}),
    ],
)
def test_a_type_becomes_a_schema(kind: Any, expected: dict[str, Any]) -> None:
    assert make_schema(kind) == expected


@dataclass
class Base:
    """A base."""

    kind: str
    """What it is"""


@dataclass
class Parcel(Base):
    """A parcel.

    More about it.
    """

    size: Size | None
    """How large it is;
    null where nobody knows"""
    beside: Base | None
    """What it is with"""
    receipt: str = field(default="", repr=False)


def test_a_class_becomes_an_object_of_what_it_shows_and_nothing_else() -> None:
    base = {
        "type": "object",
        "description": "A base",
        "additionalProperties": False,
        "required": ["kind"],
        "properties": {"kind": {"description": "What it is", "type": "string"}},
    }
    made = make_schema(Parcel)
    assert (made["description"], made["additionalProperties"]) == ("A parcel", False)
    assert made["required"] == ["kind", "size", "beside"]
    assert made["properties"]["kind"] == base["properties"]["kind"]  # type: ignore[index]
    assert made["properties"]["size"]["description"] == "How large it is; null where nobody knows"
    assert made["properties"]["beside"] == {"description": "What it is with", "oneOf": [base, {"type": "null"}]}


@dataclass
class Untold:
    """It does not say what its field is."""

    field: int


def test_a_field_has_a_description() -> None:
    with pytest.raises(TypeError, match=r"Untold\.field has no description below it"):
        make_schema(Untold)
