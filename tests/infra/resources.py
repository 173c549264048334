"""The resources of a template, by the names the code gives them."""

import json
from collections.abc import Mapping
from typing import Any

from tests.infra.conftest import Template

# The logical ids of what holds data or is known from outside. CloudFormation replaces a resource whose logical id
# changes: the new one is empty, or cannot be created beside the old one's name. So these are a contract.
ORDERS = "StorageOrders79EED263"
INVENTORY = "StorageInventory2F11986E"
STOCK_MOVEMENTS = "StorageStockMovements2572C154"
ORDER_TOPIC = "IngestionOrderTopicA9DB4365"
ORDER_QUEUE = "IngestionOrderQueueC67CA8AE"
ORDER_DLQ = "IngestionOrderDlqBFC46747"
RELEASE_DLQ = "WorkflowReleaseDlq2F6EDD49"
MAIL_EVENTS = "MailTrackingMailEvents223D7BF3"
MAIL_EVENT_DLQ = "MailTrackingMailEventDlq1A904973"
STATE_MACHINE = "WorkflowStateMachine8F1B1C15"
STATE_MACHINE_ALIAS = "WorkflowLiveF2682DEC"
CODEDEPLOY_ROLE = "RolloutRole81FEF9BF"
CONFIGURATION_SET = "MailTrackingConfigurationSetD165A85C"
EXECUTION_LOG = "WorkflowExecutionLog3DD405D5"
ALARM_TOPIC = "MonitoringAlarmTopicAF62D4F1"
KEY = "EncryptionKey3A692D6E"

QUEUES = (ORDER_QUEUE, ORDER_DLQ, RELEASE_DLQ, MAIL_EVENTS, MAIL_EVENT_DLQ)
TABLES = (ORDERS, INVENTORY, STOCK_MOVEMENTS)

STEPS = ("UpdateOrder", "RejectOrder", "ReserveInventory", "ReleaseInventory", "SendEmail")
FUNCTIONS = {
    "StartWorkflow": "IngestionStartWorkflow",
    "UpdateOrder": "WorkflowUpdateOrder",
    "RejectOrder": "WorkflowRejectOrder",
    "ReserveInventory": "WorkflowReserveInventory",
    "ReleaseInventory": "WorkflowReleaseInventory",
    "ReleaseAbandoned": "WorkflowReleaseAbandoned",
    "SendEmail": "NotificationsSendEmail",
    "TrackEmail": "MailTrackingTrackEmail",
}


def text(value: Any) -> str:
    """An intrinsic function as readable text: `Orders.Arn`, `arn:<AWS::Partition>:ses:…`."""
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return f"<{name}>" if name.startswith("AWS::") else name
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"{name}.{attribute}"
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(text(part) for part in parts)
        # The name out of a function's or an alias's ARN.
        case {"Fn::Select": [6, {"Fn::Split": [":", arn]}]}:
            return f"{text(arn)}.Name"
        case {"Fn::Select": [int(index), {"Fn::Split": [str(separator), of]}]}:
            return f"{text(of)}.split({separator!r})[{index}]"
    raise AssertionError(f"no text for {value}")


def texts(value: Any) -> list[str]:
    return [text(item) for item in (value if isinstance(value, list) else [value])]


def plain(value: Any) -> Any:
    """JSON with its intrinsic functions as text."""
    match value:
        case {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::Join": _}:
            return text(value)
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


def references(value: Any) -> set[str]:
    """The logical ids of all that CloudFormation creates before what holds this value."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            return set() if name.startswith("AWS::") else {name}
        case {"DependsOn": str(name), **rest}:
            return {name} | references(rest)
        case {"DependsOn": list(names), **rest}:
            return {*names} | references(rest)
        case dict():
            return {name for item in value.values() for name in references(item)}
        case list():
            return {name for item in value for name in references(item)}
    return set()


def only(items: Mapping[str, Any]) -> Any:
    assert len(items) == 1, list(items)
    return next(iter(items.values()))


def function_id(template: Template, name: str) -> str:
    return _resource_id(template, "AWS::Lambda::Function", f"{FUNCTIONS[name]}Function")


def version_id(template: Template, name: str) -> str:
    return _resource_id(template, "AWS::Lambda::Version", FUNCTIONS[name])


def live_id(template: Template, name: str) -> str:
    """What events call: the function's alias, or the function where there are no versions."""
    if template.stage == "local":
        return function_id(template, name)
    return _resource_id(template, "AWS::Lambda::Alias", f"{FUNCTIONS[name]}Live")


def live_arn(template: Template, name: str) -> str:
    return live_id(template, name) + (".Arn" if template.stage == "local" else "")


def live_name(template: Template, name: str) -> str:
    return live_id(template, name) + ("" if template.stage == "local" else ".Name:live")


def role_id(template: Template, name: str) -> str:
    return text(template.properties(function_id(template, name))["Role"]).removesuffix(".Arn")


def log_group_id(template: Template, name: str) -> str:
    return text(template.properties(function_id(template, name))["LoggingConfig"]["LogGroup"])


def rule(template: Template, construct: str) -> tuple[str, Any]:
    """An EventBridge rule's logical id and properties."""
    logical_id = _resource_id(template, "AWS::Events::Rule", construct)
    return logical_id, template.properties(logical_id)


def grants(template: Template, role: str) -> set[tuple[str, str]]:
    """Every (action, resource) that policies grant to the role; a condition stands after the resource."""
    found: set[tuple[str, str]] = set()
    for policy in template.of_type("AWS::IAM::Policy").values():
        if role in texts(policy["Properties"]["Roles"]):
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                assert set(statement) <= {"Effect", "Action", "Resource", "Condition"}
                condition = f" if {json.dumps(statement['Condition'])}" if "Condition" in statement else ""
                found |= {
                    (action, resource + condition)
                    for action in texts(statement["Action"])
                    for resource in texts(statement["Resource"])
                }
    return found


def allowed_on(template: Template, kind: str, target: str) -> set[tuple[str, str, str]]:
    """Who the resource policy of a queue or topic lets do what, under which condition; denials aside."""
    key = "Queues" if kind == "AWS::SQS::QueuePolicy" else "Topics"
    return {
        (text(statement["Principal"]["Service"]), action, json.dumps(statement["Condition"]))
        for policy in template.of_type(kind).values()
        if target in texts(policy["Properties"][key])
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
        for action in texts(statement["Action"])
    }


def _resource_id(template: Template, kind: str, prefix: str) -> str:
    (found,) = [logical_id for logical_id in template.of_type(kind) if logical_id.startswith(prefix)]
    return found
