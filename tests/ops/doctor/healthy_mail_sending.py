"""What SES and IAM answer of a stage out of the sandbox whose confirmations leave."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from functions.track_email.ses_events import SES_EVENTS
from tests.ops.doctor.healthy_stack import HEALTHY as STACK
from tests.ops.doctor.healthy_stack import MAIL_ROLE, SENDER
from tests.ops.doctor.recorded import ACCOUNT, REGION, Answer

_EVENTS: Final = [event.ses_name.upper() for event in SES_EVENTS]


def describe_account(**changed: Any) -> dict[str, Any]:
    return {
        "ProductionAccessEnabled": True,
        "SendingEnabled": True,
        "EnforcementStatus": "HEALTHY",
        "SendQuota": spend(0, 50000),
        **changed,
    }


def spend(sent: float, most: float) -> dict[str, float]:
    return {"Max24HourSend": most, "MaxSendRate": 14.0, "SentLast24Hours": sent}


def allow_identities(*names: str) -> dict[str, Any]:
    """Give the policy of SendEmail's role, which may also write logs and use the configuration set."""
    arn = f"arn:aws:ses:{REGION}:{ACCOUNT}"
    statements = [
        {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"},
        {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": [f"{arn}:identity/{name}" for name in names]},
        {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": f"{arn}:configuration-set/order-processing-dev"},
    ]
    return write_policy(statements)


def write_policy(statements: Any) -> dict[str, Any]:
    return {"RoleName": MAIL_ROLE, "PolicyName": "Default", "PolicyDocument": json.dumps({"Statement": statements})}


def report_events(names: Sequence[str] = _EVENTS, *, bus: str = "default", enabled: bool = True) -> dict[str, Any]:
    destination = {
        "Name": "abcdef",
        "Enabled": enabled,
        "MatchingEventTypes": list(names),
        "EventBridgeDestination": {"EventBusArn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}"},
    }
    return {"EventDestinations": [destination]}


def describe_configuration_set(**changed: Any) -> dict[str, Any]:
    return {
        "DeliveryOptions": {"TlsPolicy": "REQUIRE"},
        "SendingOptions": {"SendingEnabled": True},
        "SuppressionOptions": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
        "ReputationOptions": {"ReputationMetricsEnabled": True},
        **changed,
    }


HEALTHY: Final[Mapping[str, Answer]] = {
    **STACK,
    "sesv2.GetAccount": describe_account(),
    "sesv2.GetEmailIdentity": {"VerificationStatus": "SUCCESS", "VerifiedForSendingStatus": True},
    "iam.ListRolePolicies": {"PolicyNames": ["Default"], "IsTruncated": False},
    "iam.GetRolePolicy": allow_identities(SENDER),
    "sesv2.GetConfigurationSet": describe_configuration_set(),
    "sesv2.GetConfigurationSetEventDestinations": report_events(),
}
