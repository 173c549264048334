"""The edge of the queue readers: a function ends before Lambda ends it, and every message gets its turn."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ReadTimeoutError

from functions.shared.batch import LONGEST_MESSAGE, queue_reader
from functions.shared.observability import count_event, tell_order
from functions.start_workflow.handler import start_workflow
from functions.track_email.handler import track_email
from tests.functions.builders import MAIL_EVENTS, Handler, mail_event, message, sqs_event
from tests.functions.clock import BATCH, DELIVERIES, LONGEST_TRY, VISIBILITY_TIMEOUT, Clock
from tests.functions.cloud import Cloud
from tests.functions.conftest import Output
from tests.functions.wire import Wire, never_arrives
from tools.insides.calls import Answer

SILENT = never_arrives(ReadTimeoutError)
DELIVERED = list(MAIL_EVENTS)[1]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def starter(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud.with_queue()
    cloud.with_state_machine()
    monkeypatch.setenv("ORDER_DLQ_URL", cloud.queue_url)
    monkeypatch.setenv("STATE_MACHINE_ARN", cloud.state_machine_arn)
    return cloud


def deliver(handler: Handler, clock: Clock, *bodies: str, seconds: float = 70) -> list[str]:
    """Hand a function a batch, and return the messages that stay in the queue."""
    response: Any = handler(sqs_event(*bodies), clock.context(seconds))
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


# ------------------------------------------------------------------------------------------------- in time


@pytest.mark.parametrize("refused", [0, 3])
def test_the_starter_ends_in_time_and_what_it_refused_is_dead_lettered_once(
    starter: Cloud, wire: Wire, clock: Clock, output: Output, refused: int
) -> None:
    """Step Functions gives no answer for any of the others, of which not all can be reached."""
    wire.fault("StartExecution", clock.takes(LONGEST_TRY, SILENT))
    bodies = [message(order_id=f"{number}") for number in range(10)]
    bodies[refused] = "no order"
    left = deliver(start_workflow, clock, *bodies)
    assert left == [f"message-{number}" for number in range(10) if number != refused]
    assert [letter.body for letter in starter.dead_letters()] == ["no order"]
    assert output.counted == {"OrdersRefused": 1, "OrdersLeft": 9}
    kinds = Counter(line["error_type"] for line in output.logs if line["level"] == "ERROR")
    assert kinds == {"TransientError": 5, "OutOfTime": 4}


@pytest.mark.usefixtures("starter")
def test_a_batch_of_which_no_call_is_answered_is_tried_whole(wire: Wire, clock: Clock) -> None:
    wire.fault("StartExecution", clock.takes(LONGEST_TRY, SILENT))
    bodies = [message(order_id=f"{number}") for number in range(BATCH)]
    assert len(deliver(start_workflow, clock, *bodies)) == BATCH
    assert {body["name"] for body in wire.of("StartExecution")} == {f"{number}" for number in range(BATCH)}


def test_the_orders_before_and_behind_a_silent_one_are_started(starter: Cloud, wire: Wire, clock: Clock) -> None:
    wire.fault("StartExecution", clock.takes(LONGEST_TRY, SILENT), where='"name": "silent"')
    bodies = [message(order_id=order_id) for order_id in ("before", "silent", "behind")]
    assert deliver(start_workflow, clock, *bodies) == ["message-1"]
    assert list(starter.executions()) == ["before", "behind"]


def test_an_order_of_many_attempts_is_left_while_there_is_time_for_one_more(
    starter: Cloud, wire: Wire, clock: Clock, output: Output
) -> None:
    """Each attempt takes two calls, and how many there are is not known."""
    for attempt in ("12345", "12345--2", "12345--3"):
        deliver(start_workflow, clock, message())
        starter.end(attempt, "FAILED")
    for operation in ("StartExecution", "DescribeExecution"):
        wire.fault(operation, clock.takes(9), times=4)
    assert deliver(start_workflow, clock, message(), seconds=50) == ["message-0"]
    assert output.logs[-1]["error_type"] == "OutOfTime"
    assert deliver(start_workflow, clock, message()) == []
    assert list(starter.executions()) == ["12345", "12345--2", "12345--3", "12345--4"]


def test_the_tracker_ends_in_time(cloud: Cloud, wire: Wire, clock: Clock) -> None:
    cloud.put_order("CONFIRMED", 1, email_status="SENT", email_claim="invocation-1")
    wire.fault("UpdateItem", clock.takes(LONGEST_TRY, SILENT))
    assert len(deliver(track_email, clock, *[mail_event(DELIVERED)] * 10)) == 10
    assert cloud.email() == "SENT"
    wire.reset()
    assert deliver(track_email, clock, mail_event(DELIVERED)) == []
    assert cloud.email() == "DELIVERED"


# ------------------------------------------------------------------------------------------------- over many deliveries


@dataclass
class Message:
    order_id: str
    visible: float = 0.0
    received: int = 0


class Queue:
    """SQS: what was received comes back after the visibility timeout, and after the last delivery is given up."""

    def __init__(self, clock: Clock, *order_ids: str) -> None:
        self._clock = clock
        self._messages = [Message(order_id) for order_id in order_ids]
        self._chance = random.Random(8)  # noqa: S311 — SQS keeps no order
        self.given_up: list[str] = []

    def work(self) -> None:
        """Hand batches to the starter until nothing is left."""
        while self._messages:
            if batch := self._receive():
                failed = deliver(start_workflow, self._clock, *(message(order_id=one.order_id) for one in batch))
                for number, one in enumerate(batch):
                    if f"message-{number}" not in failed:
                        self._messages.remove(one)
            else:
                self._clock.now += 1

    def _receive(self) -> list[Message]:
        visible = [one for one in self._messages if one.visible <= self._clock.now]
        for spent in [one for one in visible if one.received == DELIVERIES]:
            visible.remove(spent)
            self._messages.remove(spent)
            self.given_up.append(spent.order_id)
        batch = self._chance.sample(visible, min(BATCH, len(visible)))
        for one in batch:
            one.received, one.visible = one.received + 1, self._clock.now + VISIBILITY_TIMEOUT
        return batch


def silent_until(clock: Clock, minutes: float) -> Callable[[AWSPreparedRequest, Callable[[], Answer]], Answer]:
    def fault(request: AWSPreparedRequest, answer: Callable[[], Answer]) -> Answer:
        return clock.takes(LONGEST_TRY, SILENT)(request, answer) if clock.now < minutes * 60 else answer()

    return fault


ORDERS = [f"order-{number}" for number in range(10)]
HALF = '"name": "order-%d"'


@pytest.mark.parametrize(("seconds", "left"), [(LONGEST_MESSAGE, []), (LONGEST_MESSAGE - 0.001, ["message-0"])])
def test_a_message_is_begun_while_there_is_time_for_the_longest(clock: Clock, seconds: float, left: list[str]) -> None:
    begun = []

    @queue_reader(left="OrdersLeft")
    def begin(record: Any, _require_time: Callable[[], None]) -> None:
        begun.append(record.message_id)

    assert deliver(begin, clock, "body", seconds=seconds) == left
    assert begun == ([] if left else ["message-0"])


def test_a_messages_line_does_not_carry_the_order_before_which_counted_nothing(output: Output, clock: Clock) -> None:
    @queue_reader(left="OrdersLeft")
    def count_the_second(record: Any, _require_time: Callable[[], None]) -> None:
        if record.body == "first":
            tell_order("12345", 2)
        else:
            count_event("OrdersCounted")

    assert deliver(count_the_second, clock, "first", "second") == []
    (counted,) = output.metrics
    assert counted["OrdersCounted"] == [1.0]
    assert not {"order_id", "attempt"} & counted.keys()


@pytest.mark.parametrize("silent", [range(5), range(10)], ids=["half of them", "all of them"])
def test_twenty_minutes_without_an_answer_cost_no_order(
    starter: Cloud, wire: Wire, clock: Clock, silent: range
) -> None:
    for number in silent:
        wire.fault("StartExecution", silent_until(clock, 20), where=HALF % number)
    queue = Queue(clock, *ORDERS)
    queue.work()
    assert sorted(starter.executions()) == ORDERS
    assert queue.given_up == []


def test_an_order_that_is_given_up_was_tried_at_each_of_its_deliveries(
    starter: Cloud, wire: Wire, clock: Clock
) -> None:
    for number in range(5):
        wire.fault("StartExecution", silent_until(clock, 60), where=HALF % number)
    queue = Queue(clock, *ORDERS)
    queue.work()
    assert sorted(starter.executions()) == ORDERS[5:]
    assert sorted(queue.given_up) == ORDERS[:5]
    tried = Counter(body["name"] for body in wire.of("StartExecution"))
    assert min(tried[order_id] for order_id in ORDERS[:5]) >= DELIVERIES
