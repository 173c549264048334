"""The real stack, deployed once to a local AWS of its own, and what a test does to it from outside."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from local.aws import LocalAws, deploy_stack
from ops.dead_letters import queues
from ops.dead_letters.dead_letter import DeadLetter
from ops.mail.sent_mails import SentMail
from tests.deployed.drills.faults import HOST, Gate

T = TypeVar("T")

# Of Step Functions' waits: thirty retries wait for half a minute, far longer than anything here is broken for.
WAIT_SCALE = 0.02
# An address, the sender's too, and what every mail says: neither may stand in a log.
_PRIVATE = re.compile(r"[\w.+-]@[\w-]+\.|Thank you for your order")
POLLED = ("OrderQueueUrl", "MailEventQueueUrl")
# The template's 120 s would be waited for whenever a busy machine has let one call of a reader time out.
AGAIN_AFTER_SECONDS = 10
_LIMIT_SECONDS = 120  # generous: what is waited for takes one or two on an idle machine


@dataclass(frozen=True)
class DeployedPipeline:
    """The deployed pipeline as a shop and an operator see it."""

    aws: LocalAws
    outputs: dict[str, str]

    def publish(self, *messages: dict[str, Any] | str) -> None:
        """Publish up to ten messages at once, as a shop does."""
        bodies = [message if isinstance(message, str) else json.dumps(message) for message in messages]
        answer = self.aws.client("sns").publish_batch(
            TopicArn=self.outputs["OrderTopicArn"],
            PublishBatchRequestEntries=[{"Id": str(n), "Message": body} for n, body in enumerate(bodies)],
        )
        assert not answer.get("Failed")

    def put_stock(self, **available: int) -> None:
        for item_id, count in available.items():
            self.aws.client("dynamodb").put_item(
                TableName=self.outputs["InventoryTableName"],
                Item={"item_id": {"S": item_id}, "available": {"N": str(count)}},
            )

    def stock(self, item_id: str) -> int:
        answer = self.aws.client("dynamodb").get_item(
            TableName=self.outputs["InventoryTableName"], Key={"item_id": {"S": item_id}}, ConsistentRead=True
        )
        return int(answer["Item"]["available"]["N"])

    def row(self, order_id: str) -> dict[str, str]:
        """Give the order's flat attributes, without their DynamoDB types; empty where there is no row."""
        answer = self.aws.client("dynamodb").get_item(
            TableName=self.outputs["OrdersTableName"], Key={"order_id": {"S": order_id}}, ConsistentRead=True
        )
        return {name: value.get("S", value.get("N")) for name, value in answer.get("Item", {}).items()}

    def execution(self, name: str) -> dict[str, Any]:
        machine: str = self.outputs["StateMachineArn"]
        arn = machine.replace(":stateMachine:", ":execution:") + f":{name}"
        client = self.aws.client("stepfunctions")
        try:
            found: dict[str, Any] = client.describe_execution(executionArn=arn)
        except client.exceptions.ExecutionDoesNotExist:
            return {"status": None}
        return found

    def history(self, name: str) -> list[dict[str, Any]]:
        """Give an execution's events, the first first; none where it has not started."""
        execution = self.execution(name)
        if execution["status"] is None:
            return []
        client = self.aws.client("stepfunctions")
        events: list[dict[str, Any]] = client.get_execution_history(
            executionArn=execution["executionArn"], maxResults=1000
        )["events"]
        return events

    def states(self, name: str) -> list[str]:
        """Give the states an execution entered, in order."""
        return states_in(self.history(name))

    def mails_to(self, address: str) -> list[SentMail]:
        return [mail for mail in self.aws.mails() if mail.recipients == (address,)]

    def take_dead_letters(self) -> list[DeadLetter]:
        """Take all dead letters out."""
        client, url = self.aws.client("sqs"), self.outputs["OrderDlqUrl"]
        with queues.read_queue(client, url) as batches:
            taken = [letter for batch in batches for letter in batch]
            for letter in taken:
                client.delete_message(QueueUrl=url, ReceiptHandle=letter.receipt)
        return taken

    @contextmanager
    def delivered_again_after(self, seconds: int) -> Iterator[None]:
        """Set when a message that was not taken on comes back to the function that reads its queue."""
        client, queues = self.aws.client("sqs"), [self.outputs[name] for name in POLLED]
        before = {
            queue: client.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
            for queue in queues
        }
        for queue in queues:
            client.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(seconds)})
        try:
            yield
        finally:
            for queue in queues:
                client.set_queue_attributes(QueueUrl=queue, Attributes=before[queue])

    @contextmanager
    def in_sandbox(self) -> Iterator[None]:
        """Put SES into its sandbox, where an address that is not verified gets no mail, and out of it again."""
        ses = self.aws.client("sesv2")
        account = {"MailType": "TRANSACTIONAL", "WebsiteURL": "https://example.com"}
        ses.put_account_details(**account, ProductionAccessEnabled=False)
        try:
            yield
        finally:
            ses.put_account_details(**account, ProductionAccessEnabled=True)

    def log_lines(self, construct: str = "") -> list[str]:
        """Give every line of the log groups of this construct, or of all."""
        client = self.aws.client("logs")
        return [
            event["message"]
            for groups in client.get_paginator("describe_log_groups").paginate()
            for group in groups["logGroups"]
            if construct in group["logGroupName"]
            for page in client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
            for event in page["events"]
        ]

    def leaks(self) -> list[str]:
        """Give the log lines that hold an address or a mail."""
        return [line for line in self.log_lines() if _PRIVATE.search(line)]

    def function(self, construct: str) -> str:
        """Give the name of the function whose construct has this id."""
        names: list[str] = [
            f["FunctionName"] for f in self.aws.client("lambda").list_functions(MaxItems=50)["Functions"]
        ]
        (name,) = [name for name in names if f"{construct}Fun" in name]
        return name


def states_in(history: list[dict[str, Any]]) -> list[str]:
    """Give the states that were entered, in order."""
    return [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]


def wait_for(what: Callable[[], T], accept: Callable[[T], bool]) -> T:
    """Ask again until the answer is accepted, and give it; fail with the last one."""
    deadline = time.monotonic() + _LIMIT_SECONDS
    while not accept(answer := what()):
        assert time.monotonic() < deadline, f"still {answer!r} after {_LIMIT_SECONDS} s"
        time.sleep(0.05)
    return answer


@dataclass(frozen=True)
class Gates:
    """The ways of the functions to AWS; open, unless a drill breaks one. Tests have their own way."""

    dynamodb: Gate
    ses: Gate
    states: Gate

    def each(self) -> tuple[tuple[str, Gate], ...]:
        """Give each gate by the name that the SDK's variables have for its service."""
        return ("DYNAMODB", self.dynamodb), ("SESV2", self.ses), ("SFN", self.states)

    def fix(self) -> None:
        for _, gate in self.each():
            gate.fix()
            gate.injected.clear()


@pytest.fixture(scope="session")
def gates() -> Iterator[Gates]:
    with Gate() as dynamodb, Gate() as ses, Gate() as states:
        yield Gates(dynamodb, ses, states)


@pytest.fixture(scope="session", autouse=True)
def no_wait() -> Iterator[None]:
    """Take an empty answer for an empty queue at once: the local SQS has no other servers to ask."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queues, "_WAIT", 0)
        yield


@pytest.fixture(scope="session")
def pipeline(gates: Gates, local_assembly: Path) -> Iterator[DeployedPipeline]:
    variables = {f"AWS_ENDPOINT_URL_{service}": f"http://{HOST}:{gate.port}" for service, gate in gates.each()}
    with LocalAws.start(wait_scale=WAIT_SCALE, variables=variables) as aws:
        for _, gate in gates.each():
            gate.target = aws.port
        deployed = DeployedPipeline(aws=aws, outputs=deploy_stack(aws, assembly=local_assembly))
        with deployed.delivered_again_after(AGAIN_AFTER_SECONDS):
            yield deployed
