"""The policy that lets somebody run the doctor: what its probes need, and nothing else."""

from collections.abc import Iterable
from typing import Any, Final

from ops.doctor.probe import Probe

# Finding the stack; who the caller is, AWS says to everybody.
_ALWAYS: Final = ("cloudformation:DescribeStacks",)


def make_policy(probes: Iterable[Probe]) -> dict[str, Any]:
    """Give an IAM policy document with exactly the actions of these probes."""
    actions = {*_ALWAYS, *(action for probe in probes for action in probe.actions if not action.startswith("sts:"))}
    statement = {"Sid": "OrdersDoctor", "Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
