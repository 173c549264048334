"""A healthy stack of dev, as CloudFormation lists it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tests.ops.doctor.recorded import ACCOUNT, REGION, Answer

NAME: Final = "order-processing-dev"
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
MACHINE: Final = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{NAME}"
STEPS: Final = ("SendEmail", "UpdateOrder")
KEY: Final = "1234abcd-12ab-34cd-56ef-1234567890ab"
SENDER: Final = "orders@example.com"
CONFIGURATION_SET: Final = NAME
MAIL_ROLE: Final = f"{NAME}-NotificationsSendEmailRole"
ALARM_TOPIC: Final = f"arn:aws:sns:{REGION}:{ACCOUNT}:{NAME}-MonitoringAlarmTopic"
ORDER_TOPIC: Final = f"arn:aws:sns:{REGION}:{ACCOUNT}:order-notifications-topic-dev"
SUBSCRIPTION: Final = f"{ORDER_TOPIC}:8a21d249-4329-4871-acc6-7be709c6ea7f"
TABLES: Final = (f"{NAME}-StorageOrders", f"{NAME}-StorageInventory")
QUEUES: Final = ("OrderQueue", "OrderDlq", "MailEvents", "MailEventDlq", "ReleaseDlq")
ALARMS: Final = (f"{NAME}-ExecutionsFailed", f"{NAME}-OrderDlqNotEmpty")
COMPOSITE: Final = f"{NAME}-OrdersNotFlowing"


def function_name(step: str) -> str:
    return f"{NAME}-{step}"


def function_arn(step: str, qualifier: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function_name(step)}:{qualifier}"


def queue_url(queue: str) -> str:
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{NAME}-{queue}"


OUTPUTS: Final = {
    "SenderEmail": SENDER,
    "StateMachineArn": MACHINE,
    "OrderTopicArn": ORDER_TOPIC,
    "OrderQueueUrl": queue_url("OrderQueue"),
    "OrderDlqUrl": queue_url("OrderDlq"),
    "MailEventQueueUrl": queue_url("MailEvents"),
    "MailEventDlqUrl": queue_url("MailEventDlq"),
    "ReleaseDlqUrl": queue_url("ReleaseDlq"),
}


def resource(kind: str, logical_id: str, physical_id: str, status: str = "CREATE_COMPLETE") -> dict[str, Any]:
    return {
        "ResourceType": f"AWS::{kind}",
        "LogicalResourceId": f"{logical_id}1A2B3C4D",
        "PhysicalResourceId": physical_id,
        "ResourceStatus": status,
        "LastUpdatedTimestamp": NOW,
    }


RESOURCES: Final = [
    resource("StepFunctions::StateMachineAlias", "WorkflowLive", f"{MACHINE}:live"),
    resource("StepFunctions::StateMachineVersion", "WorkflowVersion", f"{MACHINE}:42"),
    *(resource("Lambda::Alias", f"{step}Live", function_arn(step, "live")) for step in STEPS),
    *(resource("Lambda::Version", f"{step}FunctionCurrentVersion", function_arn(step, "7")) for step in STEPS),
    resource("KMS::Key", "EncryptionKey", KEY),
    resource("IAM::Role", "NotificationsSendEmailRole", MAIL_ROLE),
    resource("SES::ConfigurationSet", "MailTrackingConfigurationSet", CONFIGURATION_SET),
    resource("SNS::Topic", "MonitoringAlarmTopic", ALARM_TOPIC),
    resource("SNS::Topic", "IngestionOrderTopic", ORDER_TOPIC),
    resource("SNS::Subscription", "IngestionOrderQueueorderprocessingdevIngestionOrderTopic", SUBSCRIPTION),
    *(resource("DynamoDB::Table", table.rpartition("-")[2], table) for table in TABLES),
    *(resource("SQS::Queue", queue, queue_url(queue)) for queue in QUEUES),
    *(resource("CloudWatch::Alarm", alarm.rpartition("-")[2], alarm) for alarm in ALARMS),
    resource("CloudWatch::CompositeAlarm", "MonitoringOrdersNotFlowing", COMPOSITE),
]


def list_resources(*changed: dict[str, Any]) -> Mapping[str, Any]:
    """Give ListStackResources' answer, with some listed as well."""
    return {"StackResourceSummaries": [*RESOURCES, *changed]}


HEALTHY: Final[Mapping[str, Answer]] = {"cloudformation.ListStackResources": list_resources()}
