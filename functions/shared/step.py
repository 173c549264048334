"""The edge of every workflow step: the event parsed once, the log lines tagged, the retries counted."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, Self

from functions.shared.aws import make_client
from functions.shared.errors import ANSWERS
from functions.shared.observability import count_event, logger, metrics, tell_order, without_addresses
from functions.shared.order import Order, attempt_of, order_id_of
from functions.shared.row import MailTry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

make_client("dynamodb")  # every step's; made while Lambda starts the function, when it has the most CPU


@dataclass(frozen=True, slots=True)
class Step:
    """One invocation of a step: which order, the number of its execution, and the error that led here, if any.

    `started` is when the execution did, as the mail's state says; None where a person calls the function without one,
    or has redriven it: the time since then would count the hours in which it lay there. `over` is the try of a mail
    over which a person has another sent; no state of the workflow says so.
    """

    order_id: str
    attempt: int
    reason: str
    started: datetime | None
    invocation: str
    input: Mapping[str, Any]
    over: MailTry | None = None

    @classmethod
    def parse(cls, event: Mapping[str, Any], invocation: str) -> Self:
        """Read the payload that every Task of the state machine sends.

        Raises:
            InvalidOrder: the execution's input is not an order.
        """
        data = event["order"]
        return cls(
            order_id=order_id_of(data),
            attempt=attempt_of(data),
            reason=_describe_failure(data.get("error")),
            started=_read_start_time(event),
            invocation=invocation,
            input=data,
            over=MailTry(**event["over"]) if "over" in event else None,
        )

    def read_order(self) -> Order:
        """Read the whole order, for the steps that write it or take its stock.

        The others, RejectOrder and the mail, act on the order's row, and its id is enough to find it.

        Raises:
            InvalidOrder: the execution's input is not an order.
        """
        return Order.from_input(self.input)


def workflow_step(use_case: Callable[[Step], None]) -> Callable[[dict[str, Any], "LambdaContext"], None]:
    """Make a Lambda handler of a function that takes a `Step`."""

    @wraps(use_case)
    @logger.inject_lambda_context(clear_state=True)
    @metrics.log_metrics
    def handler(event: dict[str, Any], context: "LambdaContext") -> None:
        logger.append_keys(execution=event.get("execution"), state=event.get("state"))
        if event.get("retry_count"):
            count_event("StepsRetried")
        try:
            step = Step.parse(event, context.aws_request_id)
            tell_order(step.order_id, step.attempt)
            use_case(step)
        except Exception as error:
            if isinstance(error, ANSWERS):
                count_event("StepsAnswered")
            logger.warning("step raised", error_type=type(error).__name__, error_message=without_addresses(str(error)))
            raise

    return handler


def _read_start_time(event: Mapping[str, Any]) -> datetime | None:
    """Read when the execution started, out of its context object, which the mail's state sends whole.

    A path to `RedriveCount` alone would fail every execution wherever the count is missing, as in both emulators.
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """
    context = event.get("timing", {})
    if "StartTime" not in context or context.get("RedriveCount"):
        return None
    return datetime.fromisoformat(context["StartTime"])


def _describe_failure(error: Any) -> str:
    """Put a Catch's error into words: its name, and the message that Lambda's JSON in `Cause` holds."""
    match error:
        case {"Error": str(name), "Cause": str(cause)}:
            return f"{name}: {_read_error_message(cause)}"
        case _:
            return ""


def _read_error_message(cause: str) -> str:
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):  # an error of Step Functions itself has a plain sentence as its cause
        return cause
