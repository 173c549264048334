"""`orders place`, `show`, `list`, `watch`, `retry`, `cancel` and `stuck`, on the deployed stack."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.answers import validated
from tests.deployed.commands.conftest import Orders
from tests.deployed.conftest import DeployedPipeline, wait_for

ITEM = "o-tea"


@pytest.fixture(autouse=True)
def _stock(pipeline: DeployedPipeline) -> None:
    pipeline.put_stock(**{ITEM: 100})


def place(orders: Orders, order_id: str, quantity: int = 2, *more: str) -> int:
    """Place an order and wait for its end; gives the exit code."""
    item = f"{ITEM}={quantity}"
    answer = orders("place", "--order-id", order_id, "--item", item, "--email", f"{order_id}@example.com", *more)
    assert order_id in answer.out, answer
    return answer.code


@contextmanager
def paused(pipeline: DeployedPipeline, construct: str) -> Iterator[None]:
    """Let a function of the workflow run no more, so that its step is tried again and again."""
    functions, name = pipeline.aws.client("lambda"), pipeline.function(construct)
    before = functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        if before is None:
            functions.delete_function_concurrency(FunctionName=name)
        else:
            functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=before)


def waiting(pipeline: DeployedPipeline, queue: str) -> int:
    """Count the messages of the queue whose URL this output holds."""
    answer = pipeline.aws.client("sqs").get_queue_attributes(
        QueueUrl=pipeline.outputs[queue], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def watched(text: str) -> list[dict[str, Any]]:
    return [validated(json.loads(line), "watch") for line in text.splitlines()]


def test_an_order_that_is_placed_can_be_waited_for_shown_listed_and_watched(orders: Orders) -> None:
    assert place(orders, "o-happy", 2, "--wait") == 0
    shown = orders("show", "o-happy").out
    assert re.search(r"status +CONFIRMED\n", shown)
    assert re.search(r"mail +SENT", shown)
    assert re.search(rf"items +2 × {ITEM}\n", shown)
    assert "next:" not in shown
    told = orders.json("show", "o-happy", schema="show")
    assert [state["state"] for state in told["attempts"][0]["states"]] == [
        "UpdateOrder",
        "ReserveInventory",
        "SendConfirmation",
    ]
    logged = orders.json("logs", "o-happy", schema="logs")["lines"]
    assert [(line["function"], line["message"].partition(",")[0]) for line in logged] == [
        ("StartWorkflow", "OrdersAccepted"),
        ("UpdateOrder", "order opened"),
        ("ReserveInventory", "OrdersConfirmed"),
        ("SendEmail", "MailsSent"),
    ]
    listed = orders.json("list", "--status", "confirmed", "--mail", "SENT", "--since", "5m", schema="list")
    assert "o-happy" in [order["order_id"] for order in listed["orders"]]
    seen = orders("watch", "o-happy")
    assert (seen.code, len(seen.out.splitlines())) == (0, 1)
    assert "SUCCEEDED at SendConfirmation, CONFIRMED, mail SENT" in seen.out


def test_orders_in_a_file_are_each_waited_for(orders: Orders) -> None:
    good = {"order_id": "o-file", "customer_email": "o-file@example.com", "items": [{"item_id": ITEM, "quantity": 1}]}
    many = {**good, "order_id": "o-many", "items": [{"item_id": ITEM, "quantity": 1000}]}
    (orders.folder / "two.json").write_text(json.dumps([good, many]), encoding="utf-8")
    placed = orders.json("place", "two.json", "--wait", schema="place", code=1)["orders"]
    ends = {order["order_id"]: (order["end"]["status"], order["end"]["execution_status"]) for order in placed}
    assert ends == {"o-file": ("CONFIRMED", "SUCCEEDED"), "o-many": ("REJECTED", "SUCCEEDED")}


def test_bad_input_ends_with_2_and_a_stack_out_of_reach_with_3(orders: Orders) -> None:
    bad = orders("place", "-", stdin='{"order_id": "o-bad"}')
    assert (bad.code, bad.out) == (2, "")
    assert "customer_email: is missing; must be one plain ASCII e-mail address" in bad.err
    away = orders.run("--local", "show", "o-nobody's", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert (away.code, away.out) == (3, "")


def test_a_refused_mail_is_told_by_every_command_and_sent_by_retry_once_it_is_fixed(
    orders: Orders, pipeline: DeployedPipeline
) -> None:
    with pipeline.in_sandbox():
        assert place(orders, "o-sandbox", 3, "--wait") == 1
        told = orders.json("show", "o-sandbox", schema="show")
        assert (told["order"]["status"], told["order"]["email_status"]) == ("CONFIRMED", "REJECTED")
        assert "`orders retry o-sandbox`" in told["next"]
        stuck = orders.json("stuck", schema="stuck", code=1)["stuck"]
        assert {one["order_id"]: one["problem"] for one in stuck}["o-sandbox"] == "mail-rejected"
    started = orders("retry", "o-sandbox", "--wait")
    assert started.code == 0, started
    row = pipeline.row("o-sandbox")
    assert (row["status"], row["attempt"], row["email_status"]) == ("CONFIRMED", "1", "SENT")
    assert pipeline.stock(ITEM) == 97
    assert pipeline.execution("o-sandbox--2")["status"] == "SUCCEEDED"


def test_an_order_that_is_being_tried_again_is_watched_found_and_can_be_cancelled(
    orders: Orders, pipeline: DeployedPipeline
) -> None:
    with paused(pipeline, "ReserveInventory"):
        place(orders, "o-slow")
        wait_for(lambda: pipeline.states("o-slow"), lambda states: "ReserveInventory" in states)
        lines = watched(orders("watch", "--json", "--every", "0.5", "--for", "2s").out)
        assert {line["kind"] for line in lines} == {"order", "queues"}
        slow = [line for line in lines if line.get("order_id") == "o-slow"]
        assert {(line["state"], line["status"]) for line in slow} == {("ReserveInventory", "PROCESSING")}
        assert "execution o-slow still runs: ReserveInventory" in orders("stuck", "--older-than", "0s").out
        cancelled = orders("cancel", "o-slow", "--reason", "a second thought", "--yes")
        assert (cancelled.code, cancelled.out) == (0, "o-slow: CANCELLED; it held nothing\n")
    ended = watched(orders("watch", "o-slow", "--json").out)[-1]
    assert (ended["status"], ended["state"]) == ("CANCELLED", "OrderAlreadyClosed")
    assert pipeline.stock(ITEM) == 100


def test_a_confirmed_order_that_is_cancelled_gives_its_stock_back_and_stays_closed(
    orders: Orders, pipeline: DeployedPipeline
) -> None:
    with pipeline.in_sandbox():
        assert place(orders, "o-regret", 5, "--wait") == 1
    assert pipeline.stock(ITEM) == 95
    assert f"given back: 5 × {ITEM}" in orders("cancel", "o-regret", "--yes").out
    assert pipeline.stock(ITEM) == 100
    assert place(orders, "o-regret", 5, "--wait") == 1
    assert (pipeline.row("o-regret")["status"], pipeline.stock(ITEM)) == ("CANCELLED", 100)
    assert pipeline.mails_to("o-regret@example.com") == []


def test_an_order_that_is_a_dead_letter_and_nothing_else_is_shown_with_what_to_do(
    orders: Orders, pipeline: DeployedPipeline
) -> None:
    before = waiting(pipeline, "OrderDlqUrl")
    pipeline.publish({"order_id": "o-dead", "customer_email": "nobody", "items": []})
    wait_for(lambda: waiting(pipeline, "OrderDlqUrl"), lambda letters: letters > before)
    told = orders.json("show", "o-dead", schema="show")
    assert (told["order"], told["attempts"]) == (None, [])
    (letter,) = told["dead_letters"]
    assert (letter["queue"], letter["error_type"]) == ("orders", "InvalidOrder")
    assert "orders dlq drop" in told["next"]
    pipeline.take_dead_letters()
