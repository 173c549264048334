"""The name of the execution of an order's attempt, made so that no order is started twice."""

import hashlib
import re
from typing import Final

# An execution's name has at most 80 characters; outside these, CloudWatch cannot log it:
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
_PLAIN: Final = re.compile(r"(?!.*--)[0-9A-Za-z_-]{1,64}")
_OTHER: Final = re.compile(r"[^0-9A-Za-z]+")


def execution_name(order_id: str, attempt: int) -> str:
    """Name an order's execution: the order id itself where that may be, else a readable prefix and a hash.

    The second and later attempts add `--2`, `--3`, …; a plain name has no `--`, so no two orders share a name.
    """
    name = order_id if _PLAIN.fullmatch(order_id) else _hash_order_id(order_id)
    return name if attempt == 1 else f"{name}--{attempt}"


def _hash_order_id(order_id: str) -> str:
    readable = _OTHER.sub("-", order_id)[:30].strip("-") or "order"
    return f"{readable}--{hashlib.sha256(order_id.encode()).hexdigest()[:32]}"
