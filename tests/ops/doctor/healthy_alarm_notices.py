"""What AWS answers of alarms that somebody hears and that are quiet."""

from collections.abc import Mapping
from typing import Any, Final

from tests.ops.doctor.healthy_stack import ALARM_TOPIC, ALARMS, COMPOSITE, NOW
from tests.ops.doctor.healthy_stack import HEALTHY as STACK
from tests.ops.doctor.recorded import Answer


def subscribe(*arns: str) -> dict[str, Any]:
    return {"Subscriptions": [{"SubscriptionArn": arn, "Protocol": "email", "TopicArn": ALARM_TOPIC} for arn in arns]}


def describe_alarms(**changed: Any) -> dict[str, Any]:
    """Describe the alarms, the first of which may be otherwise."""
    healthy = {
        "ActionsEnabled": True,
        "AlarmActions": [ALARM_TOPIC],
        "StateValue": "OK",
        "StateUpdatedTimestamp": NOW,
    }
    return {
        "MetricAlarms": [
            {"AlarmName": name, **healthy, **(changed if number == 0 else {})} for number, name in enumerate(ALARMS)
        ],
        "CompositeAlarms": [{"AlarmName": COMPOSITE, **healthy, "StateValue": "INSUFFICIENT_DATA"}],
    }


HEALTHY: Final[Mapping[str, Answer]] = {
    **STACK,
    "sns.ListSubscriptionsByTopic": subscribe(f"{ALARM_TOPIC}:1", "PendingConfirmation"),
    "cloudwatch.DescribeAlarms": describe_alarms(),
}
