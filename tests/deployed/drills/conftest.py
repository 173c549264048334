"""What a drill does to the deployed stack, and the books that must balance after it."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from local.aws.concurrency import PROCESSES_A_FUNCTION, limit_each_function
from local.books import find_violations
from local.load.observe import read_books, under_way
from local.pipeline import Pipeline
from ops.dead_letters.dead_letter import DeadLetter
from tests.deployed.conftest import WAIT_SCALE, DeployedPipeline, Gates, states_in, wait_for
from tests.deployed.drills.faults import HOST

_DOMAIN = "@customer.example"  # of the drills' customers, and of nobody else


@dataclass(frozen=True)
class Settled:
    """What an order's row said at the end of a drill."""

    status: str | None
    attempt: int
    email_status: str | None

    def may_become(self, later: "Settled") -> bool:
        stays = self.status in {"FAILED", later.status}
        return stays and later.attempt >= self.attempt and (self.email_status != "SENT" or later == self)


@dataclass
class Ledger:
    """All that the drills have put in and taken out, for the books."""

    stocked: dict[str, int] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    settled: dict[str, Settled] = field(default_factory=dict)


class Drill:
    """The deployed pipeline, the gates to break, and the books at the end."""

    def __init__(self, deployed: DeployedPipeline, gates: Gates, ledger: Ledger) -> None:
        self.deployed = deployed
        self.dynamodb, self.ses, self.states = gates.dynamodb, gates.ses, gates.states
        self._ledger = ledger
        self._view = Pipeline(deployed.aws, deployed.outputs)

    def stock_up(self, **available: int) -> None:
        self.deployed.put_stock(**available)
        self._ledger.stocked.update(available)

    def publish(self, *bodies: str) -> None:
        self._ledger.published.extend(bodies)
        for start in range(0, len(bodies), 10):
            self.deployed.publish(*bodies[start : start + 10])

    def row(self, order_id: str) -> dict[str, str]:
        return self.deployed.row(order_id)

    def ended(self, name: str) -> dict[str, Any]:
        """Wait until the execution of that name has ended."""
        return wait_for(lambda: self.deployed.execution(name), lambda found: found["status"] not in (None, "RUNNING"))

    def wait_for_retry(self, name: str, state: str) -> None:
        """Wait until a try of this state has failed, and it waits for the next or is at it."""

        def failed_tries() -> int:
            history = self.deployed.history(name)
            failures = sum(event["type"] == "TaskFailed" for event in history)
            return failures if states_in(history)[-1:] == [state] else 0

        wait_for(failed_tries, bool)

    def wait_for_log(self, construct: str, *words: str) -> None:
        """Wait until a line of this function's log holds all these words."""
        wait_for(
            lambda: self.deployed.log_lines(construct),
            lambda lines: any(all(word in line for word in words) for line in lines),
        )

    def spend_budgets_at_once(self) -> None:
        """Let Step Functions' retries wait for nothing, until the end of the drill."""
        self.wait_scale(0.0)

    def wait_scale(self, scale: float) -> None:
        """Set what Step Functions' waits are multiplied with."""
        connection = http.client.HTTPConnection(HOST, self.deployed.aws.port, timeout=10)
        try:
            body = json.dumps({"stepfunctions._SFN_WAIT_SCALE": scale})
            connection.request("POST", "/_ministack/config", body, {"Content-Type": "application/json"})
            assert json.loads(connection.getresponse().read()) == {"applied": {"stepfunctions._SFN_WAIT_SCALE": scale}}
        finally:
            connection.close()

    @contextmanager
    def throttled(self, *constructs: str) -> Iterator[None]:
        """No invocation of these functions gets through."""
        client, names = self.deployed.aws.client("lambda"), [self.deployed.function(name) for name in constructs]
        for name in names:
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        try:
            yield
        finally:
            for name in names:
                client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=PROCESSES_A_FUNCTION)

    def deliveries(self) -> int:
        """How often a message of the order queue is handed out before it is a dead letter."""
        client, queue = self.deployed.aws.client("sqs"), self.deployed.outputs["OrderQueueUrl"]
        found = client.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"]
        return int(json.loads(found["RedrivePolicy"])["maxReceiveCount"])

    def stop(self, name: str) -> None:
        arn = self.deployed.execution(name)["executionArn"]
        self.deployed.aws.client("stepfunctions").stop_execution(executionArn=arn)

    def take_dead_letters(self) -> list[DeadLetter]:
        """Take what is in the order DLQ out of it, and note it."""
        taken = self.deployed.take_dead_letters()
        self._ledger.letters.extend(taken)
        return taken

    def redrive(self) -> None:
        """Move the dead letters that have no reason back, as the SQS console does."""
        client, url = self.deployed.aws.client("sqs"), self.deployed.outputs["OrderQueueUrl"]
        for letter in [letter for letter in self._ledger.letters if letter.error_type is None]:
            client.send_message(QueueUrl=url, MessageBody=letter.body)
            self._ledger.letters.remove(letter)

    def settle(self) -> None:
        """Wait until nothing is under way, and check the books against what must be true.

        That no log holds an address is checked once, of all that was done here: in tests/deployed/test_privacy.py.
        """
        wait_for(lambda: under_way(self._view), lambda count: count == 0)
        self.take_dead_letters()
        # A release that EventBridge has asked for may still be under way: only what stays is wrong.
        wait_for(self._violations, lambda found: found == [])
        self._ledger.settled = self._settled()

    def _violations(self) -> list[str]:
        """Hold what is of the drills' customers against the rules; the other tests' orders are not in the ledger."""
        every, put_in = read_books(self._view, self._ledger.letters), self._ledger
        ours = replace(
            every,
            orders={name: row for name, row in every.orders.items() if (row.customer_email or "").endswith(_DOMAIN)},
            mails=[mail for mail in every.mails if mail.recipients[0].endswith(_DOMAIN)],
        )
        return find_violations(ours, stocked=put_in.stocked, published=put_in.published) + self._gone_back()

    def _gone_back(self) -> list[str]:
        """Tell which orders have left a status that is for good, an attempt that is over, or a mail that was sent."""
        now = self._settled()
        return [
            f"order {order_id}: was {before}, is {now.get(order_id)}"
            for order_id, before in self._ledger.settled.items()
            if order_id not in now or not before.may_become(now[order_id])
        ]

    def _settled(self) -> dict[str, Settled]:
        rows = self._view.orders().items()
        return {name: Settled(row.status, row.attempt or 0, row.email_status) for name, row in rows}


def order(order_id: str, **items: int) -> str:
    """Give the message of an order, whose customer's address is its own."""
    lines = [{"item_id": item_id, "quantity": quantity} for item_id, quantity in items.items()]
    return json.dumps({"order_id": order_id, "customer_email": f"{order_id}{_DOMAIN}", "items": lines})


@pytest.fixture(scope="session")
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def drill(pipeline: DeployedPipeline, gates: Gates, ledger: Ledger) -> Iterator[Drill]:
    """The deployed stack as a drill finds it; afterwards all is fixed, also where the drill failed."""
    limit_each_function(pipeline.aws.client("lambda"))
    drill = Drill(pipeline, gates, ledger)
    yield drill
    gates.fix()
    drill.wait_scale(WAIT_SCALE)


@pytest.fixture
def soon_again(drill: Drill) -> Iterator[None]:
    """A message that was not taken on comes back after a second."""
    with drill.deployed.delivered_again_after(1):
        yield
