"""The state machine and the dead letter queue, as the starter uses them."""

import os
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from functions.shared.aws import call_aws, make_client

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_NOT_IN_AN_ATTRIBUTE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_REASON: Final = 1000  # characters; attributes count towards the size of a message, and its body is whole


@dataclass(frozen=True, slots=True)
class EarlierExecution:
    """An execution that exists: its status, and the input it was started with."""

    status: str
    input: str


class Workflow:
    """The executions of one state machine: started by its alias, if it has one, and known by the machine's own ARN."""

    def __init__(self, state_machine_arn: str, alias_arn: str | None = None) -> None:
        self._arn = state_machine_arn
        self._started_by = alias_arn or state_machine_arn

    def start(self, name: str, content: str) -> datetime:
        """Start an execution, and say when it was: a running one of the same name and input is answered as its own.

        Raises:
            ExecutionExists: the name is taken by an execution that has ended, or has other input.
            TransientError: Step Functions is out of reach or throttles.
        """
        answer = call_aws(
            make_client("stepfunctions").start_execution, stateMachineArn=self._started_by, name=name, input=content
        )
        return answer["startDate"]

    def describe(self, name: str) -> EarlierExecution:
        """Look an execution up by its name."""
        arn = self._arn.replace(":stateMachine:", ":execution:") + f":{name}"
        answer = call_aws(make_client("stepfunctions").describe_execution, executionArn=arn)
        return EarlierExecution(status=answer["status"], input=answer["input"])


class DeadLetters:
    """The order queue's dead letter queue, for messages that another try would not help."""

    def __init__(self, queue_url: str) -> None:
        self._url = queue_url

    def send(self, body: str, error: Exception) -> None:
        """Put a message there as it came, with its reason beside it."""
        attributes = {"error_type": type(error).__name__, "error_message": _make_sqs_text(str(error))}
        call_aws(
            make_client("sqs").send_message,
            QueueUrl=self._url,
            MessageBody=body,
            MessageAttributes={k: {"DataType": "String", "StringValue": v} for k, v in attributes.items()},
        )


def _make_sqs_text(reason: str) -> str:
    """Give a reason as SQS takes it, which refuses the whole message for an attribute that is empty or holds others."""
    return _NOT_IN_AN_ATTRIBUTE.sub("\ufffd", reason)[:_LONGEST_REASON] or "no reason was given"


@cache
def open_workflow() -> Workflow:
    """Give the state machine that the stack names."""
    return Workflow(os.environ["STATE_MACHINE_ARN"], os.environ.get("STATE_MACHINE_ALIAS_ARN"))


@cache
def dead_letters() -> DeadLetters:
    """Give the queue that the stack names."""
    return DeadLetters(os.environ["ORDER_DLQ_URL"])
