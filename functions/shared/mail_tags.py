"""The tags a mail is sent with. Every SES event of the mail brings them back, so that its order can be found."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from itertools import count, takewhile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_sesv2.type_defs import MessageTagTypeDef

CLAIM, ORDER_ID = "claim", "order_id"

# All that a tag's value may be: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html
_LONGEST: Final = 256
_PLAIN: Final = re.compile(r"[0-9A-Za-z_-]{1,256}")


def to_tags(claim: str, order_id: str) -> "list[MessageTagTypeDef]":
    """Give the tags of the mail that `claim` sends, as SES takes them.

    An order id that no tag can hold is split: `order_id_0`, `order_id_1`, … are its UTF-8 in base64url, unpadded.
    """
    if _PLAIN.fullmatch(order_id):
        return [_make_tag(CLAIM, claim), _make_tag(ORDER_ID, order_id)]
    encoded = urlsafe_b64encode(order_id.encode()).decode().rstrip("=")
    parts = [encoded[start : start + _LONGEST] for start in range(0, len(encoded), _LONGEST)]
    return [_make_tag(CLAIM, claim), *(_make_tag(f"{ORDER_ID}_{number}", part) for number, part in enumerate(parts))]


def from_tags(tags: Mapping[str, Sequence[str]]) -> tuple[str, str] | None:
    """Read claim and order id out of an event's tags, each a list of values; None for a mail that is not ours.

    Raises:
        ValueError: the tags have our names, and what they hold `to_tags` has not written.
    """
    if CLAIM not in tags:
        return None
    (claim,) = tags[CLAIM]
    if ORDER_ID in tags:
        (order_id,) = tags[ORDER_ID]
        return claim, order_id
    names = takewhile(tags.__contains__, (f"{ORDER_ID}_{number}" for number in count()))
    encoded = "".join(tags[name][0] for name in names)
    return (claim, _decode_tag(encoded)) if encoded else None


def _decode_tag(encoded: str) -> str:
    return urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()


def _make_tag(name: str, value: str) -> "MessageTagTypeDef":
    return {"Name": name, "Value": value}
