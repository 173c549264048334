"""A stage in which a probe can break something: its answers depend on what was asked before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from tests.ops.doctor.recorded import ACCOUNT, REGION, Answer, Refusal

RELEASE_DLQ: Final = "https://sqs/release-dlq"
MAIL_DLQ: Final = "https://sqs/mail-dlq"
ORDER_DLQ: Final = "https://sqs/order-dlq"
MAIL_EVENTS: Final = "https://sqs/mail-events"
FUNCTION: Final = "order-processing-dev-WorkflowReleaseAbandoned-1"
RULE: Final = "order-processing-dev-WorkflowAbandonedExecutions-1"
MACHINE: Final = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:order-processing-dev"
ALIAS: Final = f"{MACHINE}:live"
OUTPUTS: Final = {
    "ReleaseDlqUrl": RELEASE_DLQ,
    "MailEventDlqUrl": MAIL_DLQ,
    "OrderDlqUrl": ORDER_DLQ,
    "MailEventQueueUrl": MAIL_EVENTS,
    "OrderTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:order-notifications-topic-dev",
    "OrdersTableName": "orders",
    "InventoryTableName": "inventory",
    "StateMachineArn": MACHINE,
}
CONDITION: Final = {"AWS:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{RULE}"}
STATEMENT: Final = {
    "Sid": "WorkflowAbandonedExecutionsAllowEventRule",
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "lambda:InvokeFunction",
    "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}:live",
    "Condition": {"ArnLike": CONDITION},
}
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)


def list_resources(*resources: tuple[str, str, str]) -> Answer:
    """Answer cloudformation:ListStackResources: types, logical ids, physical ids."""
    return {
        "StackResourceSummaries": [
            {
                "ResourceType": kind,
                "LogicalResourceId": logical,
                "PhysicalResourceId": physical,
                "LastUpdatedTimestamp": NOW,
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for kind, logical, physical in resources
        ]
    }


@dataclass
class DeepWorld:
    """The stage. What goes wrong in it is said by the flags."""

    is_permitted: bool = True
    loses_events: bool = False
    loses_calls: bool = False
    ends_at_once: bool = False
    never_releases: bool = False
    ignores_policy: bool = False
    error_code: str = "NO_PERMISSIONS"
    never_resumes: bool = False
    keeps_letters: bool = False
    has_no_policy: bool = False
    has_no_redrive: bool = False
    publishes: Refusal | None = None
    letters: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    rows: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    statement: dict[str, Any] = field(default_factory=lambda: {**STATEMENT})

    def add_letter(self, url: str, body: str, **attributes: str) -> None:
        here = self.letters.setdefault(url, [])
        message_id = f"{len(here):08}-letter"
        here.append(
            {
                "MessageId": message_id,
                "ReceiptHandle": message_id,
                "Body": body,
                "Attributes": {"SentTimestamp": "1767225600000", "ApproximateReceiveCount": "1"},
                "MessageAttributes": {
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            }
        )

    @property
    def answers(self) -> Mapping[str, Answer]:
        return {
            "cloudformation.ListStackResources": list_resources(
                ("AWS::Lambda::Function", "WorkflowReleaseAbandonedFunction12345678", FUNCTION),
                ("AWS::Events::Rule", "WorkflowAbandonedExecutions12345678", RULE),
                ("AWS::StepFunctions::StateMachineAlias", "WorkflowLive12345678", ALIAS),
            ),
            "lambda.GetPolicy": self.get_policy,
            "lambda.RemovePermission": self.remove_permission,
            "lambda.AddPermission": self.add_permission,
            "lambda.Invoke": self.invoke,
            "stepfunctions.StartExecution": self.start,
            "stepfunctions.StopExecution": self.stop,
            "stepfunctions.DescribeExecution": self.describe,
            "dynamodb.GetItem": self.get_item,
            "sns.Publish": self.publish,
            "sts.GetCallerIdentity": {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:role/stranger"},
            "sqs.SendMessage": self.send,
            "sqs.GetQueueAttributes": self.count,
            "sqs.ReceiveMessage": self.receive,
            "sqs.ChangeMessageVisibilityBatch": self.show,
            "sqs.DeleteMessageBatch": self.delete,
        }

    def get_policy(self, _: Mapping[str, Any]) -> Mapping[str, Any] | Refusal:
        if self.has_no_policy:
            return Refusal("ResourceNotFoundException", status=404)
        return {"Policy": json.dumps({"Statement": [self.statement] if self.is_permitted else []})}

    def remove_permission(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert (asked["FunctionName"], asked["Qualifier"]) == (FUNCTION, "live")
        assert asked["StatementId"] == self.statement["Sid"]
        self.is_permitted = False
        return {}

    def add_permission(self, asked: Mapping[str, Any]) -> Mapping[str, Any] | Refusal:
        if self.is_permitted:
            return Refusal("ResourceConflictException")
        given = {
            "Sid": asked["StatementId"],
            "Effect": "Allow",
            "Principal": {"Service": asked["Principal"]},
            "Action": asked["Action"],
            "Resource": STATEMENT["Resource"],
            "Condition": {"ArnLike": {"AWS:SourceArn": asked["SourceArn"]}},
        }
        if "SourceAccount" in asked:
            given["Condition"]["StringEquals"] = {"AWS:SourceAccount": asked["SourceAccount"]}
        assert given == self.statement
        self.is_permitted = True
        return {"Statement": json.dumps(given)}

    def invoke(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert asked["FunctionName"] == f"{FUNCTION}:live"
        assert asked["InvocationType"] == "Event"
        if not self.loses_calls:
            record = {
                "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
                "requestPayload": json.loads(asked["Payload"]),
                "responsePayload": {"errorType": "KeyError", "errorMessage": "'name'"},
            }
            self.add_letter(RELEASE_DLQ, json.dumps(record))
        return {"StatusCode": 202}

    def start(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert asked["stateMachineArn"] == ALIAS
        arn = f"{MACHINE.replace(':stateMachine:', ':execution:')}:{asked['name']}"
        self.inputs[arn] = asked["input"]
        return {"executionArn": arn, "startDate": NOW}

    def stop(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        order_id = json.loads(self.inputs[asked["executionArn"]])["order_id"]
        if self.ends_at_once:
            self.rows[order_id] = "REJECTED"
        elif self.is_permitted or self.ignores_policy:
            self.rows[order_id] = "PROCESSING" if self.never_releases else "FAILED"
        else:
            self.rows[order_id] = "PROCESSING"
            if not self.loses_events:
                event = {"detail": {"input": self.inputs[asked["executionArn"]]}}
                self.add_letter(RELEASE_DLQ, json.dumps(event), ERROR_CODE=self.error_code)
        return {"stopDate": NOW}

    def describe(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            "executionArn": asked["executionArn"],
            "stateMachineArn": MACHINE,
            "status": "SUCCEEDED" if self.ends_at_once else "ABORTED",
            "startDate": NOW,
        }

    def get_item(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        order_id = asked["Key"]["order_id"]["S"]
        if order_id not in self.rows:
            return {}
        return {"Item": {"order_id": {"S": order_id}, "status": {"S": self.rows[order_id]}}}

    def publish(self, asked: Mapping[str, Any]) -> Mapping[str, Any] | Refusal:
        if self.publishes:
            return self.publishes
        order_id = json.loads(asked["Message"])["order_id"]
        if not order_id.endswith("malformed"):
            self.rows[order_id] = "PROCESSING" if self.never_resumes else "REJECTED"
        elif not self.loses_events:
            self.add_letter(ORDER_DLQ, asked["Message"], error_type="InvalidOrder")
        return {"MessageId": "1"}

    def send(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self.loses_events:
            self.add_letter(MAIL_DLQ, asked["MessageBody"])
        return {"MessageId": "1", "MD5OfMessageBody": ""}

    def count(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if "RedrivePolicy" in asked["AttributeNames"]:
            policy = json.dumps({"deadLetterTargetArn": "arn", "maxReceiveCount": 12})
            redrive = {} if self.has_no_redrive else {"RedrivePolicy": policy}
            return {"Attributes": {**redrive, "VisibilityTimeout": "120"}}
        waiting = str(len(self.letters.get(asked["QueueUrl"], ())))
        return {"Attributes": {"ApproximateNumberOfMessages": waiting, "ApproximateNumberOfMessagesNotVisible": "0"}}

    def receive(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        visible = [one for one in self.letters.get(asked["QueueUrl"], ()) if one["MessageId"] not in self.hidden]
        self.hidden |= {one["MessageId"] for one in visible[:10]}
        return {"Messages": visible[:10]}

    def show(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        self.hidden -= {entry["ReceiptHandle"] for entry in asked["Entries"]}
        return {"Successful": [], "Failed": []}

    def delete(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.keeps_letters:
            return {
                "Successful": [],
                "Failed": [{"Id": one["Id"], "SenderFault": True, "Code": "Denied"} for one in asked["Entries"]],
            }
        gone = {entry["ReceiptHandle"] for entry in asked["Entries"]}
        here = self.letters[asked["QueueUrl"]]
        self.letters[asked["QueueUrl"]] = [one for one in here if one["MessageId"] not in gone]
        return {"Successful": [{"Id": one["Id"]} for one in asked["Entries"]], "Failed": []}
