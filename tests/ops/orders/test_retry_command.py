"""`orders retry` with filters: what is chosen, what is said before, and what is published, at which pace."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.shared.order import Line, Order
from ops.orders import retry_many
from ops.orders.ledger import Filter, Orders
from ops.orders.retry_many import publish_again, select_orders
from ops.stack import Stack
from ops.terminal import screen
from tests.ops.command import Command
from tests.ops.moto_stack import put
from tests.ops.orders.test_commands import published, put_order, refused
from tests.ops.states import States

FAST = ("--rate", "1000", "--yes")


@dataclass
class Topic:
    """SNS, which fails first as often as it is told to, and calls `then` after each message that it has taken."""

    client: Any
    failures: list[str] = field(default_factory=list)
    then: list[BaseException] = field(default_factory=list)

    def publish(self, **message: Any) -> None:
        if self.failures and (code := self.failures.pop(0)):
            raise ClientError({"Error": {"Code": code, "Message": "said"}}, "Publish")
        self.client.publish(**message)
        if self.then:
            raise self.then.pop(0)


@pytest.fixture
def topic(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Topic:
    monkeypatch.setattr(retry_many, "_PAUSES", (0.0, 0.0))
    topic = Topic(stack.client("sns"))
    stack._clients["sns"] = topic
    return topic


@pytest.fixture
def orders(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(stack, monkeypatch)


def fail(
    stack: Stack, states: States, order_id: str, status: str = "FAILED", mail: str | None = None, **of: Any
) -> None:
    """Have an order whose first execution has failed."""
    put_order(stack, order_id, status, mail, **of)
    states.put(order_id, "FAILED", Order(order_id, f"{order_id}@example.com", (Line("tea", 2),)).to_input(1))


def ids(messages: list[Any]) -> list[str]:
    return [message["order_id"] for message in messages]


def reasons(stack: Stack, order_id: str, **texts: str) -> None:
    """Give an order's row more texts."""
    names = {f"#{name}": name for name in texts}
    stack.client("dynamodb").update_item(
        TableName=stack["OrdersTableName"],
        Key={"order_id": {"S": order_id}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in texts),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={f":{name}": {"S": text} for name, text in texts.items()},
    )


# ---------------------------------------------------------------------------------------------------- chosen


def test_what_an_outage_has_left_is_shown_and_published_again_once_somebody_says_so(
    orders: Command, stack: Stack, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        fail(stack, states, f"failed-{number}", minutes=number)
        reasons(stack, f"failed-{number}", status_reason="TransientError: PutItem: ThrottlingException")
    fail(stack, states, "unmailed", "CONFIRMED", "REJECTED", minutes=5)
    reasons(stack, "unmailed", email_error="SES: MessageRejected: Not verified. These failed: a@example.com")
    fail(stack, states, "long-ago", minutes=121)
    put_order(stack, "closed", "REJECTED")
    put_order(stack, "asked", "CONFIRMED", "UNKNOWN")

    asked = orders("retry", "--since", "2h")
    assert (asked.code, asked.out) == (2, "")
    assert "--yes: needed where nobody can be asked: Publish 4 orders again?" in asked.err
    for told in (
        "4 orders to publish again, at 3 a second: 1 s or more\n",
        "       3  FAILED: TransientError: PutItem: ThrottlingException\n",
        "       1  CONFIRMED, mail REJECTED: SES: MessageRejected: Not verified\n",
        "for example unmailed: 2 × tea, changed 20",
        "       1  it is REJECTED, closed permanently; what is still wanted needs a new order id\n",
        "       1  its mail may have left, and publishing it sends none; ask the customer, then `orders email resend",
    ):
        assert told in asked.err
    monkeypatch.setattr(screen, "is_interactive", lambda: True)
    assert orders("retry", "--since", "2h", stdin="n\n").code == 1
    assert published(stack) == []

    done = orders("retry", "--since", "2h", "--rate", "1000", stdin="y\n")
    assert (done.code, done.out.splitlines()[-1]) == (0, "4 published again, 0 left out, 0 failed")
    assert ids(published(stack)) == ["unmailed", "failed-2", "failed-1", "failed-0"]


def test_orders_are_published_as_they_were_started_whatever_their_rows_say(
    orders: Command, stack: Stack, states: States
) -> None:
    fail(stack, states, "changed")
    put_order(stack, "forgotten", "FAILED", minutes=1)
    answer = orders("retry", "--status", "FAILED", *FAST)
    assert answer.code == 0
    assert {one["order_id"]: one["customer_email"] for one in published(stack)} == {
        "changed": "changed@example.com",
        "forgotten": "customer@example.com",
    }
    assert "to know of those published:\n       1  Step Functions has forgotten its executions" in answer.out


@pytest.mark.parametrize(
    ("filters", "chosen"),
    [
        (("--status", "FAILED"), ["old", "new"]),
        (("--mail", "REJECTED"), ["mail"]),
        (("--older-than", "90m"), ["old"]),
        (("--status", "failed", "--since", "90m"), ["new"]),
    ],
)
def test_every_filter_of_the_list_chooses(
    orders: Command, stack: Stack, states: States, filters: tuple[str, ...], chosen: list[str]
) -> None:
    fail(stack, states, "old", minutes=100)
    fail(stack, states, "new", minutes=10)
    fail(stack, states, "mail", "CONFIRMED", "REJECTED", minutes=1)
    orders("retry", *filters, *FAST)
    assert ids(published(stack)) == chosen


def test_since_and_older_than_choose_each_row_once_by_its_last_change(stack: Stack) -> None:
    for name, changed in {"before": "11:59:59.999", "at": "12:00:00.000", "after": "12:00:00.001"}.items():
        put(stack, "OrdersTableName", order_id={"S": name}, updated_at={"S": f"2026-11-24T{changed}+00:00"})
    put(stack, "OrdersTableName", order_id={"S": "by hand"})
    noon = datetime(2026, 11, 24, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    def found(wanted: Filter) -> set[str]:
        return {one.order_id for one in Orders.of(stack).scan(wanted.parameters())}

    assert found(Filter(since=noon)) == {"at", "after"}
    assert found(Filter(before=noon)) == {"before"}


def test_a_dry_run_shows_all_of_it_and_publishes_nothing(orders: Command, stack: Stack, states: States) -> None:
    fail(stack, states, "failed")
    put_order(stack, "closed", "CANCELLED")
    nothing = orders("retry", "--mail", "REJECTED", "--yes")
    assert (nothing.code, nothing.out) == (0, "")
    assert orders.json("retry", "--mail", "REJECTED", schema="retry-many")["published"] == []
    shown = orders("retry", "--since", "2h", "--dry-run")
    assert (shown.code, shown.out.splitlines()[0]) == (0, "1 order to publish again, at 3 a second: 0 s or more")
    told = orders.json("retry", "--since", "2h", "--dry-run", schema="retry-many")
    assert told["chosen"] == [{"status": "FAILED", "mail": None, "reason": None, "orders": 1}]
    assert [one["orders"] for one in told["left_out"]] == [1]
    assert (told["published"], told["remaining"]) == ([], 1)
    assert published(stack) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "an ORDER is needed, or filters that choose many, as in --status FAILED --since 2h"),
        (("12345", "--status", "FAILED"), "ORDER: name one order, or choose many with filters and --dry-run; not both"),
        (("12345", "--dry-run"), "not both"),
        (("--since", "2h", "--wait"), "--wait: is for one ORDER"),
        (("--since", "2h", "--rate", "0"), "--rate: must be a number of orders a second from 0.1"),
        (("--since", "2h", "--rate", "nan"), "--rate: must be"),
        (("--since", "2h", "--rate", "inf"), "--rate: must be"),
        (("--since", ""), "--since: must be a length of time"),
    ],
)
def test_what_is_typed_wrong_is_named_and_nothing_published(
    orders: Command, stack: Stack, states: States, arguments: tuple[str, ...], told: str
) -> None:
    fail(stack, states, "12345")
    refused(orders, "retry", *arguments, "--yes", code=2, told=told)
    assert published(stack) == []


# ---------------------------------------------------------------------------------------------------- published


def test_a_run_takes_up_where_the_last_one_was_cut_off(orders: Command, stack: Stack, states: States) -> None:
    for number in range(5):
        fail(stack, states, f"order-{number}", minutes=60 - number)
    first = orders("retry", "--status", "FAILED", "--limit", "3", *FAST)
    assert first.code == 1
    assert "2 orders beyond --limit 3: run the same command again for those" in first.err
    assert "remaining: 2 orders; run the same command again to go on" in first.out
    taken_on = ids(published(stack))
    assert taken_on == ["order-0", "order-1", "order-2"]
    for order_id in taken_on:
        put_order(stack, order_id, "PROCESSING")
    assert orders.json("retry", "--status", "FAILED", *FAST, schema="retry-many")["beyond_limit"] == 0
    assert ids(published(stack)) == ["order-3", "order-4"]


def test_an_order_whose_execution_says_that_a_retry_does_not_help_is_counted_and_not_published(
    orders: Command, stack: Stack, states: States
) -> None:
    for name, status in {"runs": "RUNNING", "done": "SUCCEEDED", "failed": "FAILED"}.items():
        fail(stack, states, name)
        states.put(f"{name}--2", status, Order(name, f"{name}@example.com", (Line("tea", 2),)).to_input(2))
    told = orders.json("retry", "--status", "FAILED", *FAST, schema="retry-many")
    assert told["published"] == [{"order_id": "failed", "attempt": 3, "note": None}]
    assert {one["reason"] for one in told["left_out"]} == {
        "attempt 2 is running: published again, it would be a duplicate; `orders watch ORDER` follows it",
        "attempt 2 has succeeded: published again, it would be a duplicate",
    }
    assert ids(published(stack)) == ["failed"]


def test_an_order_that_is_cancelled_meanwhile_stays_so(stack: Stack, states: States) -> None:
    fail(stack, states, "wanted")
    fail(stack, states, "unwanted", minutes=5)
    chosen = select_orders(Orders.of(stack).scan({}), limit=10)
    put_order(stack, "unwanted", "CANCELLED")
    results = {one.order_id: one.attempt for one in publish_again(stack, chosen.rows, rate=1000, tell=print)}
    assert results == {"unwanted": None, "wanted": 2}
    assert ids(published(stack)) == ["wanted"]


def test_the_pace_is_kept_whatever_a_call_takes(stack: Stack, states: States, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, pauses = [100.0], list[float]()

    def pause(seconds: float) -> None:
        pauses.append(round(seconds, 3))
        clock[0] += seconds

    for number in range(4):
        fail(stack, states, f"order-{number}", minutes=10 - number)
    monkeypatch.setattr("ops.orders.retry_many.time.monotonic", lambda: clock[0])
    rows = select_orders(Orders.of(stack).scan({}), limit=10).rows
    for result in publish_again(stack, rows, rate=2, tell=print, pause=pause):
        clock[0] += {"order-0": 0.1, "order-1": 7.0}.get(result.order_id, 0.0)
    assert pauses == [0.0, 0.4, 0.0, 0.5]  # and what was slow is not made up for by a burst


def test_a_retry_takes_three_descriptions_and_the_default_pace_stays_below_the_ten_a_second_of_step_functions(
    stack: Stack, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    describe = states.describe_execution

    def count(**of: Any) -> Any:
        asked.append(str(of))
        return describe(**of)

    monkeypatch.setattr(states, "describe_execution", count)
    fail(stack, states, "order")
    list(publish_again(stack, select_orders(Orders.of(stack).scan({}), limit=1).rows, rate=1000, tell=print))
    of_the_starter = 1  # it meets the name of the first attempt, and asks how that ended
    assert (len(asked) + of_the_starter) * retry_many.RATE < 10


# ---------------------------------------------------------------------------------------------------- what fails


def test_throttling_is_waited_for_and_nothing_is_published_twice(
    orders: Command, stack: Stack, states: States, topic: Topic
) -> None:
    topic.failures = ["Throttled", "", "Throttled", "ThrottlingException"]
    for number in range(2):
        fail(stack, states, f"order-{number}", minutes=10 - number)
    assert orders("retry", "--since", "2h", *FAST).code == 0
    assert ids(published(stack)) == ["order-0", "order-1"]


def test_an_order_that_cannot_be_published_is_named_and_the_others_go_on(
    orders: Command, stack: Stack, states: States, topic: Topic
) -> None:
    topic.failures = ["", "InvalidParameter", ""]
    for number in range(3):
        fail(stack, states, f"order-{number}", minutes=10 - number)
    put_order(stack, "empty", "FAILED")
    states.put("empty", "FAILED", "{}")
    answer = orders("retry", "--since", "2h", *FAST)
    assert (answer.code, answer.out.splitlines()[-1]) == (1, "2 published again, 0 left out, 2 failed")
    assert "error: order-1: Publish failed: InvalidParameter: said" in answer.err
    assert "error: empty: what is left of it is no order that could be published" in answer.err
    assert ids(published(stack)) == ["order-0", "order-2"]


@pytest.mark.parametrize(
    "refusal",
    [
        ("AuthorizationError", "stopped: 5 orders in a row could not be published, so the rest was not tried"),
        ("Throttled", "AWS could not be asked: Publish: Throttled"),
    ],
)
def test_where_aws_takes_nothing_it_stops_and_says_how_far_it_came(
    orders: Command, stack: Stack, states: States, topic: Topic, refusal: tuple[str, str]
) -> None:
    code, told = refusal
    topic.failures = ["", *[code] * 50]
    for number in range(9):
        fail(stack, states, f"order-{number}", minutes=10 - number)
    answer = orders("retry", "--since", "2h", *FAST)
    assert answer.code == 3
    assert told in answer.err
    assert answer.out.startswith("1 published again, 0 left out, ")
    assert answer.out.endswith("orders; run the same command again to go on\n")
    assert ids(published(stack)) == ["order-0"]


def test_ctrl_c_ends_it_with_what_was_done(orders: Command, stack: Stack, states: States, topic: Topic) -> None:
    for number in range(4):
        fail(stack, states, f"order-{number}", minutes=10 - number)
    topic.then = [KeyboardInterrupt()]
    answer = orders("retry", "--since", "2h", *FAST)
    assert (answer.code, answer.out.splitlines()[0]) == (130, "0 published again, 0 left out, 0 failed")
    assert "remaining: 4 orders; run the same command again to go on" in answer.out
    topic.then = [KeyboardInterrupt()]
    told = json.loads(orders("retry", "--since", "2h", *FAST, "--json").out)
    assert told["remaining"] == 4
