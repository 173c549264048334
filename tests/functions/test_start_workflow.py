"""The starter: one execution an order, refusals at once to the dead letters, the rest of the batch always goes on."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)

import functions.start_workflow.attempts as starting
from functions.shared.errors import InvalidOrder
from functions.start_workflow.destinations import DeadLetters
from functions.start_workflow.handler import start_workflow
from tests.functions.builders import CUSTOMER, ORDER, LambdaContext, line, message, sqs_event
from tests.functions.cloud import Cloud
from tests.functions.conftest import Output
from tests.functions.wire import Fault, Wire, answer_lost, answers, meanwhile, never_arrives
from tools.insides.calls import Answer

CONFLICT = "order_id: is used by an order with other content"
ENDED_BADLY = ["FAILED", "TIMED_OUT", "ABORTED"]


@pytest.fixture
def starter(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud.with_queue()
    cloud.with_state_machine()
    monkeypatch.setenv("ORDER_DLQ_URL", cloud.queue_url)
    monkeypatch.setenv("STATE_MACHINE_ARN", cloud.state_machine_arn)
    return cloud


def deliver(*bodies: str) -> list[str]:
    """Hand the starter a batch, and return the messages that stay in the queue."""
    response: Any = start_workflow(sqs_event(*bodies), LambdaContext())
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


def test_an_order_starts_its_execution(starter: Cloud, output: Output) -> None:
    assert deliver(message()) == []
    assert starter.executions() == {"12345": ORDER.to_input(1)}
    assert starter.dead_letters() == []
    assert output.counted == {"OrdersAccepted": 1}


def test_every_order_of_a_batch_starts_its_own(starter: Cloud, output: Output) -> None:
    assert deliver(*(message(order_id=f"order {n}") for n in range(10))) == []
    assert len(starter.executions()) == 10
    assert output.counted == {"OrdersAccepted": 10}


# ---------------------------------------------------------------------------------------------------- duplicates


def test_a_duplicate_while_the_order_is_running_starts_nothing(starter: Cloud, output: Output) -> None:
    deliver(message())
    starter.started_long_ago("12345")
    assert deliver(message()) == []
    assert list(starter.executions()) == ["12345"]
    assert output.counted == {"OrdersAccepted": 1, "OrdersDuplicate": 1}


def test_a_duplicate_of_an_order_that_is_done_starts_nothing(starter: Cloud, output: Output) -> None:
    deliver(message())
    starter.end("12345", "SUCCEEDED")
    assert deliver(message()) == []
    assert list(starter.executions()) == ["12345"]
    assert output.counted == {"OrdersAccepted": 1, "OrdersDuplicate": 1}


def test_a_duplicate_written_down_differently_is_a_duplicate(starter: Cloud) -> None:
    deliver(message())
    starter.started_long_ago("12345")
    same = message(items=[line("item002", 1), line("item001", 1), line("item001", 1)], placed_at="today")
    assert deliver(same) == []
    assert list(starter.executions()) == ["12345"]
    assert starter.dead_letters() == []


def test_a_lost_answer_of_step_functions_starts_once(starter: Cloud, wire: Wire, output: Output) -> None:
    wire.fault("StartExecution", answer_lost(ReadTimeoutError), times=1)
    assert deliver(message()) == []
    assert list(starter.executions()) == ["12345"]
    assert output.counted == {"OrdersAccepted": 1}


# ------------------------------------------------------------------------------------------------------- retries


@pytest.mark.parametrize("status", ENDED_BADLY)
def test_publishing_an_order_again_after_it_failed_starts_the_next_attempt(
    starter: Cloud, output: Output, status: str
) -> None:
    deliver(message())
    starter.end("12345", status)
    assert deliver(message()) == []
    assert starter.executions() == {"12345": ORDER.to_input(1), "12345--2": ORDER.to_input(2)}
    starter.end("12345--2", status)
    assert deliver(message()) == []
    assert starter.executions()["12345--3"] == ORDER.to_input(3)
    assert output.counted == {"OrdersAccepted": 3}


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_a_duplicate_of_the_second_attempt_starts_no_third(starter: Cloud, output: Output, status: str) -> None:
    deliver(message())
    starter.end("12345", "FAILED")
    deliver(message())
    starter.end("12345--2", status)
    starter.started_long_ago("12345--2")
    assert deliver(message()) == []
    assert list(starter.executions()) == ["12345", "12345--2"]
    assert output.counted == {"OrdersAccepted": 2, "OrdersDuplicate": 1}


def looked_at_too_early(cloud: Cloud, status: str) -> Fault:
    """DescribeExecution is eventually consistent: it answers with what the execution was a moment ago."""

    def fault(_request: AWSPreparedRequest, answer: Callable[[], Answer]) -> Answer:
        cloud.end("12345", status)
        stale = answer()
        cloud.end("12345", "FAILED")
        return stale

    return fault


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
def test_a_retry_is_not_lost_to_a_look_that_was_too_early(
    starter: Cloud, wire: Wire, output: Output, status: str
) -> None:
    deliver(message())
    starter.end("12345", "FAILED")
    wire.fault("DescribeExecution", looked_at_too_early(starter, status), times=1)
    assert deliver(message()) == ["message-0"]
    assert list(starter.executions()) == ["12345"]
    assert deliver(message()) == []
    assert list(starter.executions()) == ["12345", "12345--2"]
    assert output.counted == {"OrdersAccepted": 2, "OrdersLeft": 1}


def test_an_order_started_by_an_alias_is_known_by_the_machines_own_name(
    starter: Cloud, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs is then the version in use; the execution's ARN does not say by what it was started."""
    alias = f"{starter.state_machine_arn}:live"
    monkeypatch.setenv("STATE_MACHINE_ALIAS_ARN", alias)

    def resolve(request: AWSPreparedRequest, answer: Callable[[], Answer]) -> Answer:
        assert isinstance(request.body, bytes)
        request.body = request.body.replace(alias.encode(), starter.state_machine_arn.encode())  # moto knows no aliases
        return answer()

    wire.fault("StartExecution", resolve, where=alias)
    deliver(message())
    starter.end("12345", "FAILED")
    assert deliver(message()) == []
    assert list(starter.executions()) == ["12345", "12345--2"]
    assert {body["stateMachineArn"] for body in wire.of("StartExecution")} == {alias}


def test_an_order_with_an_odd_id_is_retried_like_any_other(starter: Cloud) -> None:
    deliver(message(order_id="order/1 <b>"))
    (first,) = starter.executions()
    starter.end(first, "FAILED")
    assert deliver(message(order_id="order/1 <b>")) == []
    assert list(starter.executions()) == [first, f"{first}--2"]


def test_an_order_called_like_anothers_second_attempt_is_no_conflict(starter: Cloud) -> None:
    deliver(message())
    starter.end("12345", "FAILED")
    deliver(message())
    assert deliver(message(order_id="12345--2")) == []
    assert len(starter.executions()) == 3
    assert starter.dead_letters() == []


# ------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", *ENDED_BADLY])
def test_the_same_order_id_with_other_content_is_refused(starter: Cloud, output: Output, status: str) -> None:
    deliver(message())
    starter.end("12345", status)
    other = message(items=[line("item001", 3)], note="as it came")
    assert deliver(other) == []
    (letter,) = starter.dead_letters()
    assert (letter.body, letter.error_type, letter.error_message) == (other, "ConflictingOrder", CONFLICT)
    assert list(starter.executions()) == ["12345"]
    assert output.counted == {"OrdersAccepted": 1, "OrdersRefused": 1}


def test_a_conflict_with_a_later_attempt_is_refused_too(starter: Cloud) -> None:
    deliver(message())
    starter.end("12345", "FAILED")
    deliver(message())
    assert deliver(message(customer_email="other@example.com")) == []
    assert [letter.error_type for letter in starter.dead_letters()] == ["ConflictingOrder"]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("items: \x00\x1b \ud83d \uffff", "items: \ufffd\ufffd \ufffd \ufffd"),
        ("tab\t, line\n, caf\u00e9 and \U0001f375 stay", "tab\t, line\n, caf\u00e9 and \U0001f375 stay"),
        ("", "no reason was given"),
        ("x" * 300_000, "x" * 1000),
    ],
)
def test_a_reason_that_sqs_would_refuse_does_not_keep_a_message_from_the_dead_letters(
    starter: Cloud, reason: str, told: str
) -> None:
    DeadLetters(starter.queue_url).send("body", InvalidOrder(reason))
    assert [letter.error_message for letter in starter.dead_letters()] == [told]


@pytest.mark.parametrize(
    ("body", "error_message"),
    [
        ("order 12345", "message: must be JSON, and is not at line 1, column 1"),
        ("[" * 100_000, "message: is nested too deep"),
        (message(items=[]), "items: must be a list of at least one item"),
        (
            message(customer_email="customer@example.com\r\nBcc: all@example.com"),
            "customer_email: must be one plain ASCII e-mail address, such as customer@example.com,"
            " of at most 254 characters",
        ),
        (message(items=[line("item001", 0)]), "items[0].quantity: must be a whole number from 1 to 1000000"),
        (
            message(order_id="\ud800"),
            "order_id: must be a text of 1 to 256 characters, none of them a control character,"
            " with no white space at either end",
        ),
    ],
    ids=lambda value: value[:20],
)
def test_a_malformed_message_goes_to_the_dead_letters_unchanged_with_its_reason(
    starter: Cloud, output: Output, body: str, error_message: str
) -> None:
    assert deliver(body) == []
    (letter,) = starter.dead_letters()
    assert (letter.body, letter.error_type, letter.error_message) == (body, "InvalidOrder", error_message)
    assert starter.executions() == {}
    assert output.counted == {"OrdersRefused": 1}


def test_a_poison_message_in_a_batch_lets_the_rest_go_on(starter: Cloud, output: Output) -> None:
    batch = [
        message(order_id="a"),
        "poison",
        message(order_id="b"),
        message(order_id="c", items=5),
        message(order_id="d"),
    ]
    assert deliver(*batch) == []
    assert sorted(starter.executions()) == ["a", "b", "d"]
    assert sorted(letter.body for letter in starter.dead_letters()) == sorted([batch[1], batch[3]])
    assert output.counted == {"OrdersAccepted": 3, "OrdersRefused": 2}


@pytest.mark.parametrize("number", ["1e99999999999999999999", "-1e-99999999999999999999"])
def test_a_number_that_nothing_can_hold_is_no_fault_of_ours(starter: Cloud, number: str) -> None:
    body = message(order_id="a").replace('"quantity": 2', f'"quantity": {number}')
    assert deliver(message(order_id="b"), body, message(order_id="c")) == []
    assert sorted(starter.executions()) == ["b", "c"]
    assert [letter.error_type for letter in starter.dead_letters()] == ["InvalidOrder"]


# -------------------------------------------------------------------------------------------------------- faults

OUTAGES: list[tuple[str, Fault]] = [
    ("throttled", answers("ThrottlingException")),
    ("too many executions", answers("ExecutionLimitExceeded")),
    ("unavailable", answers("ServiceUnavailable", 503)),
    ("internal error", answers("InternalFailure", 500)),
    ("no access", answers("AccessDeniedException")),
    ("no such machine", answers("StateMachineDoesNotExist")),
    ("refused connection", never_arrives(EndpointConnectionError)),
    ("connect timeout", never_arrives(ConnectTimeoutError)),
    ("closed connection", never_arrives(ConnectionClosedError)),
    ("read timeout", never_arrives(ReadTimeoutError)),
    ("broken http", never_arrives(HTTPClientError)),
]


@pytest.mark.parametrize("outage", [fault for _, fault in OUTAGES], ids=[name for name, _ in OUTAGES])
def test_an_outage_leaves_its_message_in_the_queue_and_the_rest_goes_on(
    starter: Cloud, wire: Wire, output: Output, outage: Fault
) -> None:
    wire.fault("StartExecution", outage, where='"name": "b"')
    batch = [message(order_id="a"), message(order_id="b"), message(order_id="c")]
    assert deliver(*batch) == ["message-1"]
    assert sorted(starter.executions()) == ["a", "c"]
    assert starter.dead_letters() == []
    assert output.counted == {"OrdersAccepted": 2, "OrdersLeft": 1}


def test_an_outage_of_the_whole_batch_leaves_the_whole_batch_and_raises_nothing(starter: Cloud, wire: Wire) -> None:
    """A function that raised would be counted and retried as a crash."""
    wire.fault("StartExecution", answers("ThrottlingException"))
    assert deliver(message(order_id="a"), message(order_id="b")) == ["message-0", "message-1"]
    assert starter.executions() == {}


def test_a_message_left_in_the_queue_is_accepted_at_its_next_delivery(starter: Cloud, wire: Wire) -> None:
    wire.fault("StartExecution", answers("ThrottlingException"), times=3)
    assert deliver(message()) == ["message-0"]
    assert deliver(message()) == []
    assert list(starter.executions()) == ["12345"]


@pytest.mark.parametrize("code", ["ThrottlingException", "ExecutionDoesNotExist"])
def test_an_execution_that_cannot_be_looked_up_leaves_the_message_in_the_queue(
    starter: Cloud, wire: Wire, code: str
) -> None:
    deliver(message())
    starter.end("12345", "SUCCEEDED")
    wire.fault("DescribeExecution", answers(code))
    assert deliver(message()) == ["message-0"]
    assert starter.dead_letters() == []


def test_a_refusal_that_cannot_be_sent_stays_in_the_queue(starter: Cloud, wire: Wire, output: Output) -> None:
    wire.fault("SendMessage", answers("ServiceUnavailable", 503))
    assert deliver("poison", message()) == ["message-0"]
    assert list(starter.executions()) == ["12345"]
    assert output.counted == {"OrdersAccepted": 1, "OrdersLeft": 1}
    assert [(log["level"], log["error_type"]) for log in output.logs] == [("ERROR", "TransientError")]


def test_an_execution_that_fails_while_the_starter_looks_is_retried_with_the_next_delivery(
    starter: Cloud, wire: Wire
) -> None:
    deliver(message())
    starter.end("12345", "SUCCEEDED")
    wire.fault("DescribeExecution", meanwhile(lambda: starter.end("12345", "FAILED")))
    assert deliver(message()) == []
    assert list(starter.executions()) == ["12345", "12345--2"]


# ---------------------------------------------------------------------------------------------------------- times


def sent(body: str, ago: float) -> dict[str, Any]:
    """A batch of one message that came into the queue so many seconds ago."""
    event = sqs_event(body)
    event["Records"][0]["attributes"] = {"SentTimestamp": str(int((time.time() - ago) * 1000))}
    return event


def test_the_time_from_the_queue_to_the_executions_start_is_told_on_the_orders_line(
    starter: Cloud, output: Output
) -> None:
    start_workflow(sent(message(), ago=30), LambdaContext())
    assert list(starter.executions()) == ["12345"]
    ((name, seconds),) = output.seconds
    assert name == "SecondsToStart"
    assert 30 <= seconds < 60
    (line,) = output.metrics
    assert (line["order_id"], line["attempt"], line["OrdersAccepted"]) == ("12345", 1, [1.0])


def test_a_clock_that_is_slow_makes_no_time_less_than_none(starter: Cloud, output: Output) -> None:
    start_workflow(sent(message(), ago=-60), LambdaContext())
    assert list(starter.executions()) == ["12345"]
    assert output.seconds == [("SecondsToStart", 0.0)]


@pytest.mark.parametrize("ahead", [-3600, -0.005, 0.005, 4])
def test_a_clock_that_differs_makes_no_duplicate_of_an_accepted_order(
    starter: Cloud, output: Output, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    monkeypatch.setattr(starting, "_current_time", lambda: datetime.now(UTC) + timedelta(seconds=ahead))
    start_workflow(sent(message(), ago=30), LambdaContext())
    assert list(starter.executions()) == ["12345"]
    assert output.counted == {"OrdersAccepted": 1}
    assert [name for name, _ in output.seconds] == ["SecondsToStart"]


@pytest.mark.parametrize("ahead", [-3600, 0, 4])
def test_a_clock_that_differs_accepts_no_duplicate(
    starter: Cloud, output: Output, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    deliver(message())
    starter.started_long_ago("12345")
    monkeypatch.setattr(starting, "_current_time", lambda: datetime.now(UTC) + timedelta(seconds=ahead))
    deliver(message())
    assert list(starter.executions()) == ["12345"]
    assert output.counted == {"OrdersAccepted": 1, "OrdersDuplicate": 1}


def test_every_order_of_a_batch_has_a_line_of_its_own(starter: Cloud, wire: Wire, output: Output) -> None:
    wire.fault("StartExecution", answers("ThrottlingException"), where='"name": "b"')
    deliver(*(message(order_id=order_id) for order_id in "abc"), "poison", message(order_id="a", items=[line()]))
    assert sorted(starter.executions()) == ["a", "c"]
    assert [(told.get("order_id"), told.get("attempt"), "OrdersRefused" in told) for told in output.metrics] == [
        ("a", 1, False),
        ("b", 1, False),
        ("c", 1, False),
        (None, None, True),
        ("a", 1, True),
    ]


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_a_duplicate_or_a_refusal_has_no_time_to_its_start(starter: Cloud, output: Output, status: str) -> None:
    deliver(message())
    starter.end("12345", status)
    starter.started_long_ago("12345")
    before = output.seconds
    deliver(message(), message(items=[line()]), "poison")
    assert output.counted == {"OrdersAccepted": 1, "OrdersDuplicate": 1, "OrdersRefused": 2}
    assert output.seconds == before


# ---------------------------------------------------------------------------------------------------------- logs


def test_a_refusal_is_logged_by_its_order_if_it_has_one_and_by_its_message(starter: Cloud, output: Output) -> None:
    deliver(message(), message(items=[line("item009", 1)]), "poison")
    conflicting, malformed = output.logs
    assert (conflicting["order_id"], conflicting["message_id"]) == ("12345", "message-1")
    assert conflicting["error_type"] == "ConflictingOrder"
    assert "order_id" not in malformed, "no line carries the order of the line before"
    assert malformed["message_id"] == "message-2"
    assert (malformed["error_type"], malformed["error_message"]) == (
        "InvalidOrder",
        "message: must be JSON, and is not at line 1, column 1",
    )
    assert list(starter.executions()) == ["12345"]


def test_no_address_is_ever_printed(starter: Cloud, wire: Wire, output: Output) -> None:
    wire.fault("StartExecution", answers("ThrottlingException", message=f"too fast for {CUSTOMER}"), where='"b"')
    deliver(
        message(order_id="a"),
        message(order_id="b"),
        message(order_id="a", items=[line()]),
        message(customer_email=f"{CUSTOMER},other@example.com"),
        message(customer_email=f"<{CUSTOMER}>", items=5),
        f"not JSON {CUSTOMER}",
    )
    assert list(starter.executions()) == ["a"]
    assert len(output.logs) == 5
    assert "@" not in output.text.replace("such as customer@example.com", "")
