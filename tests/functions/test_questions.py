"""The questions to the logs name what the functions really write."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from functions.reserve_inventory.handler import release_inventory, reserve_inventory
from functions.send_email.handler import send_confirmation
from functions.shared.errors import OutOfStock
from functions.start_workflow.handler import start_workflow
from functions.update_order.handler import update_order
from infra.watch.questions import FAILED_EXECUTIONS, ONE_ORDER, PUBLISH_TO_MAIL, QUESTIONS
from tests.functions.builders import ORDER, LambdaContext, execution_input, message, sqs_event, step_event
from tests.functions.cloud import Cloud
from tests.functions.conftest import Output
from tests.functions.wire import Wire, answers

# "Supported logs and discovered fields" in the user guide of CloudWatch Logs: of any log, and of Lambda's.
DISCOVERED = {"@timestamp", "@message", "@log", "@type", "@duration", "@initDuration"}
COMMANDS = {"fields", "filter", "stats", "sort", "by", "as", "and", "or", "in", "asc", "desc"}

Line = dict[str, Any]


def fields(query: str) -> set[str]:
    """What a query reads out of the lines: its names, without texts, functions, commands and names of its own."""
    without_texts = re.sub(r'"[^"]*"', "", query)
    own = set(re.findall(r"\bas (\w+)", without_texts))
    names = set(re.findall(r"(?<![\w.])(@?[A-Za-z_][\w.]*)(?!\w*\()", without_texts))
    return {name for name in names if name not in COMMANDS | own and not re.search(rf"{name}\(", without_texts)}


def value(line: Line, field: str) -> Any:
    """What Insights finds under a field's name in a line of JSON; None without it."""
    found: Any = line
    for part in field.split("."):
        if isinstance(found, list):
            found = found[int(part)] if int(part) < len(found) else None
        else:
            found = found.get(part) if isinstance(found, dict) else None
    return found


@pytest.fixture(scope="module")
def written() -> list[Line]:
    return []


@pytest.fixture
def lines(written: list[Line], request: pytest.FixtureRequest) -> list[Line]:
    """What the functions write, written once for all tests: it takes longer than they do."""
    if not written:
        written += request.getfixturevalue("written_anew")
    return written


@pytest.fixture
def written_anew(cloud: Cloud, wire: Wire, output: Output, monkeypatch: pytest.MonkeyPatch) -> list[Line]:
    """All that the functions write of orders that go every way: mailed, refused, out of stock, failed."""
    cloud.with_queue()
    cloud.with_state_machine()
    cloud.verify_sender()
    monkeypatch.setenv("ORDER_DLQ_URL", cloud.queue_url)
    monkeypatch.setenv("STATE_MACHINE_ARN", cloud.state_machine_arn)
    cloud.put_stock(item001=2, item002=1)
    wire.fault("StartExecution", answers("ThrottlingException"), where="another")
    start_workflow(sqs_event(message(), message(order_id="another"), "no order"), LambdaContext())
    for handler in (update_order, reserve_inventory):
        step(handler)
    wire.fault("SendEmail", answers("MessageRejected"), times=1)
    with pytest.raises(Exception, match="MessageRejected"):
        step(send_confirmation)
    step(send_confirmation)
    cloud.put_order("PROCESSING", 1)
    with pytest.raises(OutOfStock):
        step(reserve_inventory)
    step(release_inventory)
    return [json.loads(line) for line in output.text.splitlines()]


def step(handler: Callable[[dict[str, Any], Any], Any]) -> None:
    event = step_event(execution_input(ORDER)) | {"timing": {"StartTime": "2026-11-24T07:30:00.000Z"}}
    handler(event, LambdaContext())


def test_a_querys_fields_are_told_from_its_other_words() -> None:
    assert fields(PUBLISH_TO_MAIL) == {"SecondsToStart.0", "SecondsToMail.0", "order_id", "attempt"}
    assert fields(ONE_ORDER) == {
        *("@timestamp", "@message", "attempt", "state", "message", "error_type", "error_message", "order_id")
    }


@pytest.mark.parametrize("query", QUESTIONS.values(), ids=QUESTIONS)
def test_every_field_of_a_question_is_in_a_line_that_a_function_writes(query: str, lines: list[Line]) -> None:
    for field in fields(query) - DISCOVERED:
        # No unknown mail among these orders; its metric is written as that of a refused one.
        assert field == "MailsUnknown.0" or any(value(line, field) is not None for line in lines), field


@pytest.mark.parametrize("query", QUESTIONS.values(), ids=QUESTIONS)
def test_every_message_that_a_question_looks_for_is_written(query: str, lines: list[Line]) -> None:
    one, lists = re.findall(r'message = "([^"]*)"', query), re.findall(r"message in \[([^\]]*)\]", query)
    looked_for = {*one, *(text for texts in lists for text in re.findall(r'"([^"]*)"', texts))}
    assert looked_for <= {line.get("message") for line in lines}


@pytest.mark.parametrize("query", [FAILED_EXECUTIONS, PUBLISH_TO_MAIL])
def test_what_is_put_together_by_order_and_attempt_names_both(query: str, lines: list[Line]) -> None:
    metrics = {field for field in fields(query) if field.endswith(".0")}
    together = [
        line
        for line in lines
        if line.get("message") == "step raised" or any(value(line, metric) is not None for metric in metrics)
    ]
    assert len(together) >= 2
    assert {(line["order_id"], line["attempt"]) for line in together} == {(ORDER.order_id, 1)}


def test_a_line_begins_its_cause_where_the_question_cuts_the_time_off(lines: list[Line]) -> None:
    (cut,) = re.findall(r"substr\(raised, (\d+)\)", FAILED_EXECUTIONS)
    raised = sorted(
        f"{line['timestamp']} {line['state']}: {line['error_type']}"
        for line in lines
        if line.get("message") == "step raised"
    )
    assert raised[-1][int(cut) :] == "SomeState: OutOfStock"
    assert all("timestamp" not in line for line in lines if "OrdersFailed" in line or "MailsRefused" in line)


def test_the_seconds_of_an_order_are_one_number_for_each_part(lines: list[Line]) -> None:
    for metric in ("SecondsToStart", "SecondsToMail"):
        (seconds,) = [line[metric] for line in lines if metric in line]
        assert len(seconds) == 1
        assert seconds[0] >= 0
