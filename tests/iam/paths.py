"""The ways an order can go, each as far as it can be followed from outside: to its good end or a failure to be seen."""

import itertools
import json
from collections.abc import Callable
from typing import Any

from tests.deployed.conftest import DeployedPipeline, wait_for
from tests.functions.builders import mail_event

_numbers = itertools.count()

# None for the good end, else what an operator sees: a failed execution, a dead letter, a function's error.
Path = Callable[[DeployedPipeline], str | None]


def _order(kind: str, **items: int) -> dict[str, Any]:
    lines = [{"item_id": item_id, "quantity": quantity} for item_id, quantity in items.items()]
    order_id = f"{kind}-{next(_numbers)}"
    return {"order_id": order_id, "customer_email": f"{order_id}@example.com", "items": lines}


def happy(pipeline: DeployedPipeline) -> str | None:
    """Two items taken from stock, one mail."""
    pipeline.put_stock(tea=10, cup=10)
    order = _order("happy", tea=2, cup=1)
    pipeline.publish(order)
    return _ended(pipeline, order, order["order_id"]) or _held(
        (pipeline.stock("tea"), pipeline.stock("cup")) == (8, 9)
        and len(pipeline.mails_to(order["customer_email"])) == 1
    )


def rejected(pipeline: DeployedPipeline) -> str | None:
    """More than there is."""
    pipeline.put_stock(rare=1)
    order = _order("rejected", rare=2)
    pipeline.publish(order)
    return _ended(pipeline, order, order["order_id"], "OrderRejected") or _held(
        pipeline.row(order["order_id"])["status"] == "REJECTED"
    )


def released(pipeline: DeployedPipeline) -> str | None:
    """Stock is taken, the answers are lost, the stock is given back."""
    return _lost(pipeline)[1]


def second_attempt(pipeline: DeployedPipeline) -> str | None:
    """An order that failed is published again."""
    order, seen = _lost(pipeline)
    if seen:
        return seen
    pipeline.publish(order)
    return _ended(pipeline, order, f"{order['order_id']}--2") or _held(
        pipeline.row(order["order_id"])["email_status"] == "SENT"
    )


def abandoned(pipeline: DeployedPipeline) -> str | None:
    """An execution is stopped between reservation and mail."""
    pipeline.put_stock(lamp=10)
    order = _order("abandoned", lamp=4)

    def end() -> str:
        if pipeline.row(order["order_id"])["status"] == "FAILED":
            return "given back"
        return "ReleaseAbandoned raised" if _release_errors(pipeline) > errors_before else ""

    errors_before = _release_errors(pipeline)
    functions, mailer = pipeline.aws.client("lambda"), pipeline.function("SendEmail")
    functions.put_function_concurrency(FunctionName=mailer, ReservedConcurrentExecutions=0)
    try:
        pipeline.publish(order)
        wait_for(lambda: pipeline.row(order["order_id"]).get("status"), lambda status: status == "CONFIRMED")
        running = pipeline.execution(order["order_id"])
        pipeline.aws.client("stepfunctions").stop_execution(executionArn=running["executionArn"])
        seen = wait_for(end, bool)  # before the throttle is lifted: a last try of the step would claim the mail
    finally:
        functions.delete_function_concurrency(FunctionName=mailer)
    return _held(pipeline.stock("lamp") == 10) if seen == "given back" else seen


def refused(pipeline: DeployedPipeline) -> str | None:
    """A message that is no order comes into the dead letters with its reason."""
    order = _order("refused")
    pipeline.publish(order)
    seen = wait_for(lambda: _dead_letter(pipeline, pipeline.outputs["OrderDlqUrl"], order), bool)
    return None if "InvalidOrder" in seen else seen


def tracked(pipeline: DeployedPipeline) -> str | None:
    """SES has delivered an order's mail, and EventBridge brings its word."""
    pipeline.put_stock(pen=10)
    order = _order("tracked", pen=1)
    pipeline.publish(order)
    seen = _ended(pipeline, order, order["order_id"])
    if seen:
        return seen
    tags = {"claim": [pipeline.row(order["order_id"])["email_claim"]], "order_id": [order["order_id"]]}
    pipeline.aws.client("sqs").send_message(
        QueueUrl=pipeline.outputs["MailEventQueueUrl"], MessageBody=mail_event("Email Delivered", mail={"tags": tags})
    )

    def end() -> str:
        if pipeline.row(order["order_id"])["email_status"] == "DELIVERED":
            return "noted"
        return _dead_letter(pipeline, pipeline.outputs["MailEventDlqUrl"], order)

    seen = wait_for(end, bool)
    return None if seen == "noted" else seen


def _release_errors(pipeline: DeployedPipeline) -> int:
    """Count the calls of ReleaseAbandoned that raised, by its log: what AWS's metric and alarm count.

    The local EventBridge calls once, counts no error, and sends nothing to the DLQ.
    """
    client = pipeline.aws.client("logs")
    names = [group["logGroupName"] for group in client.describe_log_groups()["logGroups"]]
    (name,) = [name for name in names if "ReleaseAbandonedLogs" in name]
    pages = client.get_paginator("filter_log_events").paginate(logGroupName=name)
    return sum("AccessDenied" in event["message"] for page in pages for event in page["events"])


def _lost(pipeline: DeployedPipeline) -> tuple[dict[str, Any], str | None]:
    pipeline.put_stock(pot=10)
    order = _order("lost", pot=3)
    pipeline.publish(order)
    return order, _ended(pipeline, order, order["order_id"], "OrderFailed") or _held(pipeline.stock("pot") == 10)


def _ended(pipeline: DeployedPipeline, order: dict[str, Any], name: str, last: str = "SendConfirmation") -> str | None:
    """Wait until that execution has ended, or its message is among the dead letters; None if `last` was its end."""

    def end() -> str:
        found = pipeline.execution(name)
        if found["status"] in (None, "RUNNING"):
            return _dead_letter(pipeline, pipeline.outputs["OrderDlqUrl"], order)
        states = pipeline.states(name)
        wanted = "FAILED" if last == "OrderFailed" else "SUCCEEDED"
        good = (found["status"], states[-1]) == (wanted, last)
        return "good" if good else f"execution {found['status']} at {states[-1]}: {found.get('error')}"

    seen = wait_for(end, bool)
    return None if seen == "good" else seen


def _dead_letter(pipeline: DeployedPipeline, queue: str, order: dict[str, Any]) -> str:
    """Say how the order stands among that queue's dead letters, which stay there; nothing if it does not."""
    answer = pipeline.aws.client("sqs").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
    )
    for message in answer.get("Messages", ()):
        if json.dumps(order["order_id"]).strip('"') in message["Body"]:
            reason = message.get("MessageAttributes", {}).get("error_type", {}).get("StringValue")
            return f"dead letter, {reason or 'without a reason'}"
    return ""


def _held(fact: bool) -> str | None:
    """A path that ended well without its effect is no visible failure: it fails the test at once."""
    assert fact, "a good end, without its effect"
    return None
