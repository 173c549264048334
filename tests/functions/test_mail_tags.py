"""The tags of a mail: whatever the order's id, SES takes them and brings the same id back."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.shared.mail_tags import from_tags, to_tags
from functions.shared.message import SCHEMA
from tests.examples import draw_examples

CLAIM = "8b0d1f6e-1e2a-4c8f-9c7e-0123456789ab"
OF_A_TAG = re.compile(
    r"[0-9A-Za-z_-]{1,256}"
)  # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html
MOST_TAGS = 1 + 6  # the claim, and 256 characters of 4 bytes as 1,366 of base64
ORDER_IDS = st.from_regex(SCHEMA["properties"]["order_id"]["pattern"], fullmatch=True).filter(
    lambda order_id: 1 <= len(order_id) <= 256
)


def brought_back(order_id: str) -> dict[str, list[str]]:
    """The tags of an order's mail as an event has them, between those that SES adds."""
    ours = {tag["Name"]: [tag["Value"]] for tag in to_tags(CLAIM, order_id)}
    return {"ses:configuration-set": ["set"], **ours, "ses:source-ip": ["192.0.2.0"]}


@draw_examples(200)
@given(order_id=ORDER_IDS)
@example(order_id="12345")
@example(order_id="order_id_0")
@example(order_id="a b")
@example(order_id="x" * 256)
@example(order_id="é" * 256)
@example(order_id="😀" * 256)
def test_every_order_id_of_the_contract_comes_back_from_tags_that_ses_takes(order_id: str) -> None:
    tags = to_tags(CLAIM, order_id)
    assert len(tags) <= MOST_TAGS
    for tag in tags:
        assert OF_A_TAG.fullmatch(tag["Name"])
        assert OF_A_TAG.fullmatch(tag["Value"])
    assert from_tags(brought_back(order_id)) == (CLAIM, order_id)


def test_an_id_that_a_tag_can_hold_is_readable_in_it() -> None:
    assert to_tags(CLAIM, "12345") == [{"Name": "claim", "Value": CLAIM}, {"Name": "order_id", "Value": "12345"}]


@pytest.mark.parametrize(
    "tags",
    [{}, {"ses:configuration-set": ["set"]}, {"order_id": ["12345"]}, {"claim": ["theirs"]}, {"campaign": ["spring"]}],
    ids=str,
)
def test_a_mail_without_both_of_our_tags_is_not_ours(tags: dict[str, list[str]]) -> None:
    assert from_tags(tags) is None


@pytest.mark.parametrize("values", [[], ["one", "two"]])
@pytest.mark.parametrize("name", ["claim", "order_id"])
def test_a_tag_of_ours_has_one_value(name: str, values: list[str]) -> None:
    with pytest.raises(ValueError, match="values to unpack"):
        from_tags(brought_back("12345") | {name: values})


@pytest.mark.parametrize("part", ["A", "_w", "é"], ids=["too short", "no UTF-8", "no base64"])
def test_a_split_order_id_that_is_broken_is_no_order_id(part: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_tags({"claim": [CLAIM], "order_id_0": [part]})
