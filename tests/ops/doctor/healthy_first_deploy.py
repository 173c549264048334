"""What AWS answers of an account that a stage can be deployed to; the stage's stack need not be there."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tests.ops.doctor.healthy_mail_sending import describe_account
from tests.ops.doctor.healthy_quotas import HEALTHY as QUOTAS
from tests.ops.doctor.healthy_stack import NOW, SENDER
from tests.ops.doctor.recorded import ACCOUNT, Answer, Refusal

NO_SUCH_STACK: Final = Refusal("ValidationError", "Stack with id order-processing-prod does not exist")
_IDENTITY: Final = "NotificationsSender90FC6AFD"


def list_identities(**statuses: str) -> dict[str, Any]:
    """List identities: `sender` is the sender's address, `domain` its domain."""
    names = {"sender": SENDER, "domain": "example.com"}
    return {
        "EmailIdentities": [
            {"IdentityName": names[name], "SendingEnabled": status == "SUCCESS", "VerificationStatus": status}
            for name, status in statuses.items()
        ]
    }


def own_identity(stack: str, identity: str = SENDER) -> Callable[[Mapping[str, Any]], Mapping[str, Any] | Refusal]:
    """Have a stack own an identity; no stack owns another."""

    def answer(asked: Mapping[str, Any]) -> Mapping[str, Any] | Refusal:
        if asked["PhysicalResourceId"] != identity:
            return Refusal("ValidationError", f"Stack for {asked['PhysicalResourceId']} does not exist")
        found = {
            "StackName": stack,
            "LogicalResourceId": _IDENTITY,
            "PhysicalResourceId": identity,
            "ResourceType": "AWS::SES::EmailIdentity",
            "Timestamp": NOW,
            "ResourceStatus": "CREATE_COMPLETE",
        }
        return {"StackResources": [found]}

    return answer


def describe_template(**policy: str) -> dict[str, Any]:
    """Give a template whose identity may have a DeletionPolicy, as CDK writes it: in JSON."""
    return {"TemplateBody": json.dumps({"Resources": {_IDENTITY: {"Type": "AWS::SES::EmailIdentity", **policy}}})}


def list_policies(names: Sequence[str]) -> dict[str, Any]:
    return {"resourcePolicies": [{"policyName": name} for name in names]}


HEALTHY: Final[Mapping[str, Answer]] = {
    **QUOTAS,
    "sts.GetCallerIdentity": {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/somebody", "UserId": "AIDA"},
    "ssm.GetParameter": {"Parameter": {"Name": "/cdk-bootstrap/hnb659fds/version", "Value": "28"}},
    "sesv2.GetAccount": describe_account(),
    "sesv2.ListEmailIdentities": list_identities(sender="SUCCESS", domain="SUCCESS"),
    "cloudformation.DescribeStacks": NO_SUCH_STACK,
    "cloudformation.DescribeStackResources": own_identity("order-processing-dev"),
    "cloudformation.GetTemplate": describe_template(DeletionPolicy="Retain"),
    "logs.DescribeResourcePolicies": list_policies(["AWSLogDeliveryWrite20150319"]),
}
