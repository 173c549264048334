"""The policy that lets somebody run the doctor: what its probes need, and nothing else."""

from collections.abc import Iterable
from typing import Any, Final

from ops.doctor.probe import Probe

# Finding the stack; who the caller is, AWS says to everybody.
_ALWAYS: Final = ("cloudformation:DescribeStacks",)
# Tables, topics and queues use the stack's key for whoever reads or writes them; removing what was written comes last.
_WITH_DATA: Final = (
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
)
_WRITES_DATA: Final = frozenset({"sns:Publish", "states:StartExecution"})


def make_policy(probes: Iterable[Probe]) -> dict[str, Any]:
    """Give an IAM policy document with exactly the actions of these probes."""
    asked = {action for probe in probes for action in probe.actions if not action.startswith("sts:")}
    actions = {*_ALWAYS, *asked, *(_WITH_DATA if asked & _WRITES_DATA else ())}
    statement = {"Sid": "OrdersDoctor", "Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
