"""The alarms' names. A deployment refers to the alarm that rolls it back by name: a reference would be circular."""

from aws_cdk import Stack
from constructs import Construct


def alarm_name(scope: Construct, alarm_id: str) -> str:
    """The name of the alarm `alarm_id`, as docs/runbooks/ calls it, in the stack of `scope`."""
    return f"{Stack.of(scope).stack_name}-{alarm_id}"
