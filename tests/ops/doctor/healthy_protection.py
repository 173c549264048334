"""What AWS answers of data that is encrypted, recoverable and protected."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from ops.doctor.looking.protection import DELIVERIES
from tests.ops.doctor.healthy_stack import HEALTHY as STACK
from tests.ops.doctor.healthy_stack import KEY, NAME
from tests.ops.doctor.recorded import ACCOUNT, REGION, Answer

KEY_ARN: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY}"
_DLQS: Final = {"OrderQueue": "OrderDlq", "MailEvents": "MailEventDlq"}


def queue_arn(queue: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{NAME}-{queue}"


def describe_queues(
    key: str = KEY_ARN, dlqs: Mapping[str, str] = _DLQS
) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    def answer(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        queue = asked["QueueUrl"].rpartition("-")[2]
        attributes = {"QueueArn": queue_arn(queue), "KmsMasterKeyId": key}
        if queue in dlqs:
            redrive = {"deadLetterTargetArn": queue_arn(dlqs[queue]), "maxReceiveCount": DELIVERIES}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        return {"Attributes": {name: value for name, value in attributes.items() if name in asked["AttributeNames"]}}

    return answer


def describe_table(*, key: str = KEY_ARN, protected: bool = True, status: str = "ACTIVE") -> dict[str, Any]:
    encryption = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
    return {"Table": {"TableStatus": status, "SSEDescription": encryption, "DeletionProtectionEnabled": protected}}


def describe_backups(recovery: str = "ENABLED") -> dict[str, Any]:
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": recovery},
        }
    }


def describe_key(state: str = "Enabled") -> dict[str, Any]:
    return {"KeyMetadata": {"KeyId": KEY, "KeyState": state}}


HEALTHY: Final[Mapping[str, Answer]] = {
    **STACK,
    "kms.DescribeKey": describe_key(),
    "kms.GetKeyRotationStatus": {"KeyRotationEnabled": True},
    "sqs.GetQueueAttributes": describe_queues(),
    "sns.GetSubscriptionAttributes": {
        "Attributes": {"RedrivePolicy": json.dumps({"deadLetterTargetArn": queue_arn("OrderDlq")})}
    },
    "sns.GetTopicAttributes": {"Attributes": {"KmsMasterKeyId": KEY_ARN}},
    "dynamodb.DescribeTable": describe_table(),
    "dynamodb.DescribeContinuousBackups": describe_backups(),
}
