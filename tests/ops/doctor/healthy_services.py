"""What a healthy account answers about its key, rules, logs, alarms, audit trail and roles."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tests.ops.doctor.recorded import ACCOUNT, REGION, Answer

STACK: Final = "order-processing-dev"
KEY_ID: Final = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY_ID}"
TOPIC: Final = f"arn:aws:sns:{REGION}:{ACCOUNT}:order-notifications-topic-dev"
MACHINE: Final = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{STACK}"
ROOT: Final = f"arn:aws:iam::{ACCOUNT}:root"
EXECUTION_LOG: Final = f"/aws/vendedlogs/states/{STACK}"
EXECUTION_LOG_ARN: Final = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{EXECUTION_LOG}"
FUNCTIONS: Final = (
    *("IngestionStartWorkflow", "WorkflowUpdateOrder", "WorkflowRejectOrder", "WorkflowReserveInventory"),
    *("WorkflowReleaseInventory", "WorkflowReleaseAbandoned", "NotificationsSendEmail", "MailTrackingTrackEmail"),
)
QUERIES: Final = ("one order's story", "slowest states")
NOW: Final = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)

OUTPUTS: Final = {
    "OrderTopicArn": TOPIC,
    "StateMachineArn": MACHINE,
    "SenderEmail": "orders@example.com",
    **{name: f"{STACK}-{name}" for name in ("OrdersTableName", "InventoryTableName", "StockMovementsTableName")},
    **{
        name: f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{STACK}-{name}"
        for name in ("OrderQueueUrl", "OrderDlqUrl", "ReleaseDlqUrl", "MailEventQueueUrl", "MailEventDlqUrl")
    },
}

RESOURCES: Final = (
    ("AWS::KMS::Key", "EncryptionKey3A692D6E", KEY_ID),
    ("AWS::CloudWatch::Alarm", "MonitoringStepsFailing1", f"{STACK}-StepsFailing"),
    ("AWS::CloudWatch::Alarm", "MonitoringOldestOrderWaits1", f"{STACK}-OldestOrderWaits"),
    ("AWS::CloudWatch::CompositeAlarm", "MonitoringOrdersNotFlowing1", f"{STACK}-OrdersNotFlowing"),
    ("AWS::Events::Rule", "WorkflowAbandonedExecutions1", f"{STACK}-Abandoned-1"),
    ("AWS::Events::Rule", "MailTrackingMailChanged1", f"{STACK}-MailChanged-1"),
    ("AWS::SES::ConfigurationSet", "MailTrackingConfigurationSet1", STACK),
    ("AWS::Logs::LogGroup", "WorkflowExecutionLog3DD405D5", EXECUTION_LOG),
    *(("AWS::Logs::LogGroup", f"{name}Logs1", f"{STACK}-{name}Logs1-1") for name in FUNCTIONS),
    *(("AWS::IAM::Role", f"{name}Role1", f"{STACK}-{name}Role1-1") for name in FUNCTIONS),
    *(("AWS::Logs::QueryDefinition", f"Queries{number}", f"query-{number}") for number, _ in enumerate(QUERIES)),
)


def list_resources(*resources: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "StackResourceSummaries": [
            {
                "ResourceType": kind,
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": physical_id,
                "ResourceStatus": "CREATE_COMPLETE",
                "LastUpdatedTimestamp": NOW,
            }
            for kind, logical_id, physical_id in resources
        ]
    }


def allow(principal: Any, actions: Any, condition: Any = None, *, sid: str = "Some", effect: str = "Allow") -> Any:
    statement = {"Sid": sid, "Effect": effect, "Principal": principal, "Action": actions, "Resource": "*"}
    return statement | ({"Condition": condition} if condition else {})


def make_policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def source(pattern: str) -> dict[str, Any]:
    return {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": [pattern]}}


SEND: Final = ["kms:Decrypt", "kms:GenerateDataKey"]
THROUGH_SNS: Final = {
    "kms:ViaService": f"sns.{REGION}.amazonaws.com",
    "kms:EncryptionContext:aws:sns:topicArn": TOPIC,
    "kms:CallerAccount": [ACCOUNT],
}
# As infra/pipeline/encryption.py writes it.
KEY_STATEMENTS: Final[Mapping[str, Any]] = {
    "root": allow({"AWS": ROOT}, "kms:*"),
    "topic": allow({"Service": "sns.amazonaws.com"}, SEND, source(TOPIC)),
    "publishers": allow({"AWS": "*"}, SEND, {"StringEquals": THROUGH_SNS}),
    "alarms": allow(
        {"Service": "cloudwatch.amazonaws.com"}, SEND, source(f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{STACK}-*")
    ),
    "events": allow(
        {"Service": "events.amazonaws.com"},
        SEND,
        {"ArnLike": {"aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{STACK}-*"}},
    ),
    "logs": allow(
        {"Service": f"logs.{REGION}.amazonaws.com"},
        ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        {
            "ArnLike": {
                "kms:EncryptionContext:aws:logs:arn": [
                    f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{STACK}-*",
                    EXECUTION_LOG_ARN,
                ]
            }
        },
    ),
}
TOPIC_POLICY: Final = make_policy(
    allow({"AWS": ROOT}, "sns:Publish"),
    allow("*", "sns:Publish", {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}}, effect="Deny"),
)
DELIVERY_POLICY: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AWSLogDeliveryWrite1",
                "Effect": "Allow",
                "Principal": {"Service": "delivery.logs.amazonaws.com"},
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": [f"{EXECUTION_LOG_ARN}:log-stream:*"],
                "Condition": source(f"arn:aws:logs:{REGION}:{ACCOUNT}:*"),
            }
        ],
    }
)
EXPRESSION: Final[list[Any]] = [
    {"Id": "expr", "Expression": "FILL(errors, 0) + FILL(calls, 0)", "ReturnData": True},
    *(
        {
            "Id": name,
            "MetricStat": {"Metric": {"Namespace": "AWS/Lambda", "MetricName": name}, "Period": 300, "Stat": "Sum"},
            "ReturnData": False,
        }
        for name in ("errors", "calls")
    ),
]


def describe_log_group(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Also one that only begins so, as the account of a second stack has it."""
    name = asked["logGroupNamePrefix"]
    return {
        "logGroups": [
            {
                "logGroupName": found,
                "logGroupArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{found}",
                "kmsKeyId": KEY,
            }
            for found in (name, f"{name}-2")
        ]
    }


def describe_alarms(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The named alarms of the named types; the first is on an expression."""

    def describe(name: str) -> dict[str, Any]:
        return {"AlarmName": name, "AlarmArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"}

    names, types = asked["AlarmNames"], asked["AlarmTypes"]
    metric = [
        describe(name) | ({"Metrics": EXPRESSION} if name.endswith("StepsFailing") else {"MetricName": "Age"})
        for name in names
        if not name.endswith("OrdersNotFlowing")
    ]
    composite = [describe(name) for name in names if name.endswith("OrdersNotFlowing")]
    return {
        "MetricAlarms": metric if "MetricAlarm" in types else [],
        "CompositeAlarms": composite if "CompositeAlarm" in types else [],
    }


def describe_rule(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A pattern that says by itself what it takes, for the matcher below."""
    name = asked["Name"]
    ours = {"machine": MACHINE} if "Abandoned" in name else {"configuration_set": STACK}
    return {
        "Name": name,
        "Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}",
        "State": "ENABLED",
        "EventPattern": json.dumps(ours),
    }


def match_pattern(asked: Mapping[str, Any]) -> dict[str, Any]:
    """EventBridge's matcher, as far as it matters here."""
    event = json.loads(asked["Event"])
    assert {"id", "account", "source", "time", "region", "resources", "detail-type"} <= set(event)
    detail = event["detail"]
    if event["source"] == "aws.ses":
        is_ours = detail["mail"]["tags"]["ses:configuration-set"] == [STACK] and event["detail-type"] != "Email Opened"
    else:
        is_ours = detail["stateMachineArn"] == MACHINE and detail["status"] in ("FAILED", "TIMED_OUT", "ABORTED")
    return {"Result": is_ours}


def give_numbers(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Each query that is to be returned gives a number."""
    assert all(query["ReturnData"] for query in asked["MetricDataQueries"])
    return {
        "MetricDataResults": [
            {"Id": query["Id"], "Values": [1.0], "Timestamps": [NOW], "StatusCode": "Complete"}
            for query in asked["MetricDataQueries"]
        ]
    }


def make_key_use(service: str = "sqs", action: str = "Decrypt", **more: str) -> dict[str, Any]:
    event = {
        "eventName": action,
        "userIdentity": {"type": "AWSService", "invokedBy": f"{service}.amazonaws.com"},
        **more,
    }
    return {"EventName": action, "EventTime": NOW, "CloudTrailEvent": json.dumps(event)}


def simulate(asked: Mapping[str, Any]) -> dict[str, Any]:
    """IAM on this stack's roles, as far as the actions that some function has and the conditions say it."""
    (resource,) = asked["ResourceArns"]
    assert len(asked["ActionNames"]) == len(set(asked["ActionNames"]))
    context = {entry["ContextKeyName"]: entry["ContextKeyValues"] for entry in asked["ContextEntries"]}

    def is_allowed(action: str) -> bool:
        return (
            action not in NEVER
            and "StockMovements" not in resource
            and (not action.startswith("kms:") or "kms:ViaService" in context)
            and context.get("ses:FromAddress", ["orders@example.com"]) == ["orders@example.com"]
        )

    return {
        "EvaluationResults": [
            {"EvalActionName": action, "EvalDecision": "allowed" if is_allowed(action) else "implicitDeny"}
            for action in asked["ActionNames"]
        ]
    }


NEVER: Final = frozenset(
    {
        *("dynamodb:DeleteTable", "dynamodb:DeleteItem", "dynamodb:Scan", "kms:ScheduleKeyDeletion"),
        *("sqs:PurgeQueue", "states:StopExecution"),
    }
)

HEALTHY: Final[Mapping[str, Answer]] = {
    "cloudformation.ListStackResources": list_resources(*RESOURCES),
    "kms.GetKeyPolicy": {"Policy": make_policy(*KEY_STATEMENTS.values()), "PolicyName": "default"},
    "sns.GetTopicAttributes": {"Attributes": {"TopicArn": TOPIC, "Policy": TOPIC_POLICY}},
    "cloudwatch.DescribeAlarms": describe_alarms,
    "cloudwatch.GetMetricData": give_numbers,
    "events.DescribeRule": describe_rule,
    "events.TestEventPattern": match_pattern,
    "logs.DescribeLogGroups": describe_log_group,
    "logs.DescribeResourcePolicies": {"resourcePolicies": [{"policyName": "any", "policyDocument": DELIVERY_POLICY}]},
    "logs.DescribeQueryDefinitions": {
        "queryDefinitions": [
            {
                "queryDefinitionId": f"query-{number}",
                "name": f"{STACK}/{name}",
                "queryString": "fields @timestamp",
                "logGroupNames": [EXECUTION_LOG],
            }
            for number, name in enumerate(QUERIES)
        ]
    },
    "logs.StartQuery": lambda asked: {"queryId": f"run of {asked['queryString']}"},
    "logs.GetQueryResults": {"status": "Complete", "results": [], "statistics": {"bytesScanned": 1_500_000.0}},
    "stepfunctions.DescribeStateMachine": {
        "stateMachineArn": MACHINE,
        "name": STACK,
        "definition": "{}",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/{STACK}-WorkflowStateMachineRole1-1",
        "type": "STANDARD",
        "creationDate": NOW,
        "loggingConfiguration": {
            "level": "ALL",
            "includeExecutionData": False,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": f"{EXECUTION_LOG_ARN}:*"}}],
        },
    },
    "cloudtrail.LookupEvents": {"Events": [make_key_use("sns"), make_key_use("dynamodb")]},
    "iam.GetRole": lambda asked: {
        "Role": {
            "Path": "/",
            "RoleName": asked["RoleName"],
            "RoleId": "AROAEXAMPLEEXAMPLE",
            "Arn": f"arn:aws:iam::{ACCOUNT}:role/{asked['RoleName']}",
            "CreateDate": NOW,
        }
    },
    "iam.SimulatePrincipalPolicy": simulate,
}
