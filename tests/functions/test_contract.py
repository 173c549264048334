"""The published schema and the starter say the same of every message: draft-07's own validator is the judge."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from functions.shared.errors import InvalidOrder
from functions.shared.message import MOST_PIECES, SCHEMA, parse_order
from functions.shared.order import MOST_ITEMS
from tests.examples import draw_examples
from tests.functions.builders import CUSTOMER, line, message

VALID = Draft7Validator(SCHEMA)
TEXTS = [
    "12345",
    "",
    " ",
    "x ",
    "\ufeffx",
    "x\n",
    "\n",
    "x\u2028y",
    "x" * 256,
    "x" * 257,
    "😀" * 256,
    "\ud800",
    "\u200b",
]
ADDRESSES = [CUSTOMER, f"{CUSTOMER}\n", f" {CUSTOMER}", "a@b", "a" * 65 + "@b.co", "a@" + "b23456789." * 25 + "com"]
# As a publisher may write them; what JSON's readers make of them is part of what is compared.
NUMBERS = ["1", "0", "-0", "-0.0", "2.0", "1e3", "2E0", "10e-1", "1e6", "1000001", "1.5", "1e-7", "-1", "1e15", "true"]

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
texts = st.one_of(st.sampled_from(TEXTS), st.text(st.characters(), max_size=8), anything)
quantities = st.one_of(
    st.integers(-2, MOST_PIECES + 2), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([1.0, 1e6, 2.5])
)


def objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What mostly has the fields, and sometimes others, or is no object at all."""
    others = st.dictionaries(st.text(max_size=5), anything, max_size=2)
    given_fields = st.fixed_dictionaries({}, optional=fields) | st.fixed_dictionaries(fields)
    return st.builds(lambda more, own: more | own, others, given_fields) | anything


lines = objects(item_id=texts, quantity=quantities | anything)
messages = objects(
    order_id=texts,
    customer_email=st.one_of(st.sampled_from(ADDRESSES), st.emails(), texts),
    items=st.lists(lines, max_size=4) | st.lists(st.builds(line, st.sampled_from("ab"), quantities)) | anything,
)


def fits(data: Any) -> bool:
    """What the schema says, and what its comment adds since no schema can say it."""
    if not VALID.is_valid(data):
        return False
    pieces: Counter[str] = Counter()
    for item in data["items"]:
        pieces[item["item_id"]] += int(item["quantity"])
    return len(pieces) <= MOST_ITEMS and max(pieces.values()) <= MOST_PIECES


def is_taken(body: str) -> bool:
    try:
        parse_order(body)
    except InvalidOrder:
        return False
    return True


@draw_examples(100)
@given(messages)
def test_any_message_is_taken_if_and_only_if_the_schema_allows_it(data: Any) -> None:
    assert is_taken(json.dumps(data)) == fits(data)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_one_by_its_value_and_not_by_its_spelling(number: str) -> None:
    body = message(items=[line("item001", "HERE")]).replace('"HERE"', number)
    assert is_taken(body) == VALID.is_valid(json.loads(body))


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_an_id_is_one_for_both(text: str) -> None:
    for body in (message(order_id=text), message(items=[line(text)])):
        assert is_taken(body) == VALID.is_valid(json.loads(body))


@pytest.mark.parametrize("address", ADDRESSES, ids=ascii)
def test_an_address_is_one_for_both(address: str) -> None:
    assert is_taken(message(customer_email=address)) == VALID.is_valid(json.loads(message(customer_email=address)))


def test_the_patterns_mean_in_ecmascript_what_they_mean_in_python() -> None:
    """With its flag `u` and without: validators differ in whether they set it."""
    code_points = [*range(0x3100), *range(0xD700, 0xE100), 0xFEFF, 0xFFFD, 0x1F600, 0x10FFFF]
    ids = [place.format(chr(code)) for code in code_points for place in ("{}", "x{}", "{}x", "x{}x")]
    schema = SCHEMA["properties"]["order_id"]
    judge = Draft7Validator({"type": "string", "pattern": schema["pattern"]})
    expected = [judge.is_valid(order_id) for order_id in ids]
    script = (
        "const [pattern, ids] = JSON.parse(require('fs').readFileSync(0));"
        "const test = flags => ids.map(id => new RegExp(pattern, flags).test(id));"
        "console.log(JSON.stringify([test('u'), test('')]));"
    )
    answer = subprocess.run(  # noqa: S603 — our own script
        [Path(sys.executable).with_name("node"), "-e", script],
        input=json.dumps([schema["pattern"], ids]),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(answer) == [expected, expected]
