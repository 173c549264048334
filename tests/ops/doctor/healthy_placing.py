"""An account in which everything that `orders doctor --probe` places ends as it should, as recorded answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from functions.shared import row
from ops.doctor.catalogue import make_placing
from ops.doctor.examination import Examined, examine_stack
from ops.doctor.own_names import make_malformed, make_order
from ops.doctor.placing.placed_run import PIECES, Run
from tests.ops.doctor.recorded import ACCOUNT, REGION, Answer, RecordedAws, Refusal, make_subject

NOW: Final = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
RUN: Final = "doctor-20261125T120000Z"
MACHINE: Final = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:order-processing-dev"
ALIAS: Final = f"{MACHINE}:live"
OUTPUTS: Final = {
    "OrderTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:orders",
    "StateMachineArn": MACHINE,
    "OrdersTableName": "orders",
    "InventoryTableName": "inventory",
    "StockMovementsTableName": "movements",
    "OrderDlqUrl": "https://sqs/order-dlq",
    "ReleaseDlqUrl": "https://sqs/release-dlq",
    "MailEventDlqUrl": "https://sqs/mail-event-dlq",
}
FUNCTIONS: Final = (
    "IngestionStartWorkflow",
    "WorkflowUpdateOrder",
    "WorkflowReserveInventory",
    "NotificationsSendEmail",
    "MailTrackingTrackEmail",
    "WorkflowRejectOrder",
    "WorkflowReleaseInventory",
    "WorkflowReleaseAbandoned",
)
STATUSES: Final = {"short": row.REJECTED, "stopped": row.FAILED}
MAILS: Final = {"success": row.MAIL_DELIVERED, "bounce": row.MAIL_BOUNCED, "complaint": row.MAIL_COMPLAINED}
MAILBOXES: Final = {"bounce": "bounce", "complaint": "complaint"}
NOTHING_ELSE: Final[Mapping[str, Answer]] = MappingProxyType({})
DONE: Final = "Successfully executed action arn:aws:sns:eu-west-1:123456789012:alarms"


@dataclass
class PlacedAccount:
    """What AWS knows after a run has placed its orders; a test changes what should be otherwise.

    It holds the orders that were published or started, and no more: what a probe has not begun is not there.
    """

    statuses: dict[str, str] = field(default_factory=lambda: dict(STATUSES))
    mails: dict[str, str] = field(default_factory=lambda: dict(MAILS))
    executions: dict[str, str] = field(default_factory=lambda: {"stopped": "ABORTED"})
    absent: frozenset[str] = frozenset()  # kinds of orders that have neither execution nor row
    lost: int = 0  # pieces
    movements: int = 1
    letter: dict[str, str] | None = field(default_factory=lambda: {"error_type": "InvalidOrder", "error_message": "x"})
    said: dict[str, str | None] = field(default_factory=dict)  # what an alarm's newest action says
    firing: tuple[str, ...] = ()
    silent: frozenset[str] = frozenset()  # metrics
    log_lines: int = 2
    clock: datetime = NOW  # AWS's, when all is logged, traced and counted
    traced: tuple[str, ...] = ("order-processing-dev", "NotificationsSendEmail")
    alias: str | None = ALIAS
    again: bool = False  # whether an order published twice was started twice
    kinds: list[str] = field(default_factory=list)  # of the orders that are there; these and what follows it notes
    started_by: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    given: bool = False
    alarms_set: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def answers(self) -> dict[str, Answer]:
        """Give its answers, by the names of the operations."""
        return {
            "sts.GetCallerIdentity": {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/ada"},
            "cloudformation.ListStackResources": {"StackResourceSummaries": _list_resources()},
            "cloudformation.DescribeStacks": describe_stack("UPDATE_COMPLETE"),
            "dynamodb.TransactWriteItems": {},
            "dynamodb.GetItem": self._get_item,
            "dynamodb.BatchGetItem": self._get_items,
            "sns.Publish": self._publish,
            "stepfunctions.ListExecutions": {"executions": []},
            "stepfunctions.DescribeExecution": self._describe_execution,
            "stepfunctions.GetExecutionHistory": {"events": _make_history()},
            "stepfunctions.StartExecution": self._start,
            "stepfunctions.StopExecution": self._stop,
            "logs.FilterLogEvents": self._filter_events,
            "xray.GetTraceSummaries": lambda asked: {
                "TraceSummaries": [_make_trace(self.traced)] if asked["StartTime"] <= self.clock else []
            },
            "sqs.GetQueueAttributes": lambda _asked: {
                "Attributes": {
                    "ApproximateNumberOfMessages": str(len(self.dead)),
                    "ApproximateNumberOfMessagesNotVisible": "0",
                }
            },
            "sqs.ReceiveMessage": self._receive,
            "sqs.ChangeMessageVisibilityBatch": {"Successful": [], "Failed": []},
            "sqs.DeleteMessageBatch": self._delete,
            "cloudwatch.DescribeAlarms": lambda _asked: {
                "MetricAlarms": [{"AlarmName": name} for name in self.firing],
                "CompositeAlarms": [],
            },
            "cloudwatch.SetAlarmState": self._set_alarm,
            "cloudwatch.DescribeAlarmHistory": self._describe_history,
            "cloudwatch.GetMetricData": self._get_metrics,
        }

    def _publish(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        kind = _kind(json.loads(asked["Message"])["order_id"])
        self.published.append(kind)
        if kind == "malformed":
            self.dead += [] if self.letter is None else [kind]
        elif kind not in self.absent:
            self.kinds.append(kind)
        return {"MessageId": "1"}

    def _start(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert asked["stateMachineArn"] in (self.alias, MACHINE)
        self.started_by.append(asked["stateMachineArn"])
        self.kinds.append(_kind(asked["name"]))
        return {"executionArn": _make_arn(asked["name"]), "startDate": NOW}

    def _stop(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        self.stopped.append(asked["executionArn"])
        return {"stopDate": NOW}

    def _get_item(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if asked["TableName"] == "inventory":
            held = sum(self._status(kind) == row.CONFIRMED for kind in set(self.kinds))
            available, moved = PIECES - held - self.lost, self.movements
            return {"Item": {**asked["Key"], "available": {"N": str(available)}, "movements": {"N": str(moved)}}}
        kind = _kind(asked["Key"]["order_id"]["S"])
        return {"Item": self._make_row(kind)} if kind in self.kinds else {}

    def _get_items(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        ((table, wanted),) = asked["RequestItems"].items()
        kinds = [_kind(key["order_id"]["S"]) for key in wanted["Keys"]]
        return {"Responses": {table: [self._make_row(kind) for kind in kinds if kind in self.kinds]}}

    def _status(self, kind: str) -> str:
        return self.statuses.get(kind, row.CONFIRMED)

    def _make_row(self, kind: str) -> dict[str, Any]:
        order = _order(kind)
        lines = [{"M": {"item_id": {"S": line.item_id}, "quantity": {"N": str(line.quantity)}}} for line in order.lines]
        found: dict[str, Any] = {name: {"S": text} for name, text in self._make_texts(kind).items()}
        return {**found, "attempt": {"N": "1"}, "items": {"L": lines}}

    def _make_texts(self, kind: str) -> dict[str, str]:
        order = _order(kind)
        texts = {"order_id": order.order_id, "customer_email": order.customer_email, "status": self._status(kind)}
        return texts | ({"email_status": self.mails[kind]} if kind in self.mails else {})

    def _describe_execution(self, asked: Mapping[str, Any]) -> Mapping[str, Any] | Refusal:
        name = asked["executionArn"].rpartition(":")[2]
        first, _, second = name.partition("--")
        kind = _kind(first)
        if kind not in self.kinds or (second and not self.again) or second not in ("", "2"):
            return Refusal("ExecutionDoesNotExist")
        status = self.executions.get(kind, "SUCCEEDED")
        ended = {} if status == "RUNNING" else {"stopDate": NOW + timedelta(seconds=3)}
        return {
            "executionArn": _make_arn(name),
            "stateMachineArn": MACHINE,
            "name": name,
            "status": status,
            "startDate": NOW,
            "input": _order(kind).to_input(int(second or 1)),
            **ended,
            **({"stateMachineAliasArn": self.alias} if self.alias else {}),
        }

    def _receive(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give each dead letter in every other answer: in between, all of them are held."""
        self.given = not self.given
        if not self.given or not self.dead or not asked["QueueUrl"].endswith("order-dlq") or self.letter is None:
            return {"Messages": []}
        attributes = {name: {"DataType": "String", "StringValue": text} for name, text in self.letter.items()}
        message = {
            "MessageId": "m1",
            "ReceiptHandle": "r1",
            "Body": make_malformed(RUN)[1],
            "MessageAttributes": attributes,
        }
        return {"Messages": [message]}

    def _delete(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        self.dead.clear()
        return {"Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]], "Failed": []}

    def _set_alarm(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert asked["StateValue"] == "ALARM"
        self.alarms_set.append(asked["AlarmName"])
        return {}

    def _describe_history(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        name: str = asked["AlarmName"]
        before = {"AlarmName": name, "Timestamp": NOW - timedelta(days=1), "HistorySummary": "Failed, long ago"}
        said = self.said.get(name, DONE)
        if not self.alarms_set or said is None:
            return {"AlarmHistoryItems": [before]}
        return {"AlarmHistoryItems": [{"AlarmName": name, "Timestamp": NOW, "HistorySummary": said}]}

    def _get_metrics(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        is_asked_for = asked["StartTime"] <= self.clock
        return {
            "MetricDataResults": [
                {
                    "Id": query["Id"],
                    "Label": query["Label"],
                    "Values": [0.0, 1.0] if is_asked_for and not self._is_silent(query) else [],
                }
                for query in asked["MetricDataQueries"]
            ]
        }

    def _filter_events(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        is_asked_for = asked["startTime"] <= self.clock.timestamp() * 1000
        return {"events": [{"message": "x"}] * self.log_lines if is_asked_for else []}

    def _is_silent(self, query: Mapping[str, Any]) -> bool:
        return query["MetricStat"]["Metric"]["MetricName"] in self.silent


@dataclass
class SkippedTime:
    """A clock that waiting alone moves: no test waits."""

    now: float = 0.0

    def pause(self, seconds: float) -> None:
        self.now += seconds


def make_run() -> Run:
    """Give a run that began at `NOW`, and takes no time."""
    time = SkippedTime()
    return Run(began=NOW, clock=lambda: time.now, pause=time.pause)


def examine_run(
    *ids: str, account: PlacedAccount | None = None, stage: str = "dev", others: Mapping[str, Answer] = NOTHING_ELSE
) -> dict[str, Examined]:
    """Ask the first probe and these of a run; `others` are answers that differ."""
    answers = {**(account or PlacedAccount()).answers(), **others}
    subject = make_subject(RecordedAws(answers), stage=stage, outputs=OUTPUTS)
    probes = [probe for probe in make_placing(make_run()) if probe.id in ("B0", *ids)]
    return {one.probe: one for one in examine_stack(probes, subject, lambda _text: None)}


def describe_stack(status: str) -> dict[str, Any]:
    return {"Stacks": [{"StackName": "order-processing-dev", "CreationTime": NOW, "StackStatus": status}]}


def _order(kind: str) -> Any:
    quantity = 99 if kind == "short" else 1
    return make_order(RUN, kind, mailbox=MAILBOXES.get(kind, "success"), quantity=quantity)


def _kind(order_id: str) -> str:
    assert order_id.startswith(f"{RUN}-")
    return order_id.rpartition("-")[2]


def _make_arn(name: str) -> str:
    return f"{MACHINE.replace(':stateMachine:', ':execution:')}:{name}"


def _make_history() -> list[dict[str, Any]]:
    states = ("UpdateOrder", "ReserveInventory", "SendConfirmation")
    return [
        {"id": n, "timestamp": NOW, "type": "TaskStateEntered", "stateEnteredEventDetails": {"name": state}}
        for n, state in enumerate(states)
    ]


def _make_trace(names: tuple[str, ...]) -> dict[str, Any]:
    return {"Id": "1-2-3", "ServiceIds": [{"Name": name, "Type": "any"} for name in names]}


def _list_resources() -> list[dict[str, Any]]:
    found = [
        ("AWS::StepFunctions::StateMachineAlias", "WorkflowLive", ALIAS),
        ("AWS::Logs::LogGroup", "WorkflowExecutionLog1", "/aws/vendedlogs/states/order-processing-dev"),
        ("AWS::Logs::LogGroup", "IngestionStartWorkflowLogs1", "starter-log"),
        ("AWS::CloudWatch::Alarm", "MonitoringTablesThrottled1", "dev-TablesThrottled"),
        ("AWS::CloudWatch::Alarm", "MonitoringOldestOrderWaits1", "dev-OldestOrderWaits"),
        ("AWS::CloudWatch::CompositeAlarm", "MonitoringOrdersNotFlowing1", "dev-OrdersNotFlowing"),
        *(("AWS::Lambda::Function", f"{name}Function1", name) for name in FUNCTIONS),
    ]
    return [
        {
            "ResourceType": kind,
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": physical_id,
            "ResourceStatus": "CREATE_COMPLETE",
            "LastUpdatedTimestamp": NOW,
        }
        for kind, logical_id, physical_id in found
    ]


HEALTHY: Final[Mapping[str, Answer]] = PlacedAccount().answers()
"""Of one run, in which each probe is asked once: what it places, the answers know."""
