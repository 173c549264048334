"""The event that EventBridge sends when an execution has ended badly."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from functions.shared.errors import InvalidOrder
from functions.shared.order import Order, attempt_of


@dataclass(frozen=True, slots=True)
class AbandonedExecution:
    """An execution that FAILED, TIMED_OUT or was ABORTED, and the order it worked on."""

    order: Order
    attempt: int
    status: str
    reason: str

    @property
    def has_failed(self) -> bool:
        """Whether a state failed it, and neither a person nor its timeout ended it."""
        return self.status == "FAILED"

    @classmethod
    def parse(cls, detail: Mapping[str, Any]) -> Self:
        """Read the event's detail.

        Its `input` is there up to 248 KiB, and no order comes near that:
        https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html

        Raises:
            InvalidOrder: the execution's input is not an order.
        """
        try:
            data = json.loads(detail["input"])
        except (KeyError, TypeError, ValueError, RecursionError) as broken:
            raise InvalidOrder("input: must be JSON") from broken
        error = detail.get("error")
        return cls(
            order=Order.from_input(data),
            attempt=attempt_of(data),
            status=detail["status"],
            reason=f"execution {detail['status']}" + (f": {error}" if error else ""),
        )
