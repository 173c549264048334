"""The deployed stack, from `sns publish` to the mail."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.deployed.conftest import DeployedPipeline, wait_for


def order(order_id: str, customer: str, **items: int) -> dict[str, Any]:
    lines = [{"item_id": item_id, "quantity": quantity} for item_id, quantity in items.items()]
    return {"order_id": order_id, "customer_email": customer, "items": lines}


def settled(pipeline: DeployedPipeline, name: str) -> dict[str, Any]:
    """Wait until the execution of that name has ended."""
    return wait_for(lambda: pipeline.execution(name), lambda found: found["status"] not in (None, "RUNNING"))


def test_a_published_order_takes_its_stock_and_sends_one_mail_in_three_states(pipeline: DeployedPipeline) -> None:
    pipeline.put_stock(tea=10, cup=10)
    pipeline.publish(order("happy", "happy@example.com", tea=2, cup=1))

    assert settled(pipeline, "happy")["status"] == "SUCCEEDED"
    assert pipeline.states("happy") == ["UpdateOrder", "ReserveInventory", "SendConfirmation"]
    row = pipeline.row("happy")
    assert (row["status"], row["attempt"], row["email_status"]) == ("CONFIRMED", "1", "SENT")
    assert (pipeline.stock("tea"), pipeline.stock("cup")) == (8, 9)
    (mail,) = pipeline.mails_to("happy@example.com")
    assert mail.sender == "orders@example.com"
    assert "2 × tea" in mail.text


def test_an_order_published_twice_is_processed_once(pipeline: DeployedPipeline) -> None:
    pipeline.put_stock(pot=10)
    twice = order("twice", "twice@example.com", pot=3)
    pipeline.publish(twice, order("marker-1", "marker@example.com", pot=1))
    settled(pipeline, "marker-1")
    settled(pipeline, "twice")
    pipeline.publish(twice, order("marker-2", "marker@example.com", pot=1))
    settled(pipeline, "marker-2")

    assert pipeline.execution("twice--2")["status"] is None
    assert pipeline.stock("pot") == 5
    assert len(pipeline.mails_to("twice@example.com")) == 1


def test_more_than_there_is_is_rejected_and_takes_nothing(pipeline: DeployedPipeline) -> None:
    pipeline.put_stock(rare=1, plenty=50)
    pipeline.publish(order("greedy", "greedy@example.com", rare=2, plenty=2))

    assert settled(pipeline, "greedy")["status"] == "SUCCEEDED"
    row = pipeline.row("greedy")
    assert row["status"] == "REJECTED"
    assert row["status_reason"] == "OutOfStock: rare: 2 wanted, 1 available"
    assert (pipeline.stock("rare"), pipeline.stock("plenty")) == (1, 50)
    assert pipeline.mails_to("greedy@example.com") == []


def test_a_poison_message_goes_to_the_dead_letters_and_the_rest_of_its_batch_goes_on(
    pipeline: DeployedPipeline,
) -> None:
    pipeline.put_stock(pen=100)
    good = [order(f"batch-{n}", f"batch-{n}@example.com", pen=1) for n in range(9)]
    poison = '{"order_id": "poison", "customer_email": "poison@example.com", "items": []}'
    pipeline.publish(*good[:4], poison, *good[4:])

    for n in range(9):
        assert settled(pipeline, f"batch-{n}")["status"] == "SUCCEEDED"
    assert pipeline.stock("pen") == 91
    (letter,) = wait_for(pipeline.take_dead_letters, bool)
    assert (letter.body, letter.error_type) == (poison, "InvalidOrder")
    assert letter.error_message == "items: must be a list of at least one item"
    assert pipeline.row("poison") == {}


def test_a_known_order_id_with_other_content_is_refused(pipeline: DeployedPipeline) -> None:
    pipeline.put_stock(hat=10)
    pipeline.publish(order("mine", "mine@example.com", hat=1))
    settled(pipeline, "mine")
    pipeline.publish(order("mine", "thief@example.com", hat=1))

    (letter,) = wait_for(pipeline.take_dead_letters, bool)
    assert (letter.error_type, letter.error_message) == (
        "ConflictingOrder",
        "order_id: is used by an order with other content",
    )
    assert pipeline.stock("hat") == 9
    assert pipeline.mails_to("thief@example.com") == []


def test_any_order_id_is_processed_under_its_own_name(pipeline: DeployedPipeline) -> None:
    pipeline.put_stock(cap=100)
    odd = ["a b/c", '"quoted" & <b>bold</b>', "注文 😀", "x" * 256, "odd--2"]
    pipeline.publish(*(order(order_id, f"odd-{n}@example.com", cap=1) for n, order_id in enumerate(odd)))

    for n, order_id in enumerate(odd):
        wait_for(partial(pipeline.row, order_id), lambda row: row.get("email_status") == "SENT")
        (mail,) = pipeline.mails_to(f"odd-{n}@example.com")
        assert mail.subject == f"Your order {order_id} is confirmed"
        assert "<b>bold" not in (mail.html or "")
    assert pipeline.stock("cap") == 95


@pytest.fixture
def sandbox(pipeline: DeployedPipeline) -> Iterator[None]:
    """SES as an account finds it on its first day, and open again afterwards."""

    def production(access: bool) -> None:
        pipeline.aws.client("sesv2").put_account_details(
            MailType="TRANSACTIONAL", WebsiteURL="https://shop.example.com", ProductionAccessEnabled=access
        )

    production(access=False)
    yield
    production(access=True)


@pytest.mark.usefixtures("sandbox")
def test_a_mail_refused_in_the_sandbox_keeps_the_order_and_is_sent_once_the_address_is_verified(
    pipeline: DeployedPipeline,
) -> None:
    pipeline.put_stock(book=10)
    message = order("first-day", "first-day@example.com", book=1)
    pipeline.publish(message)

    failed = settled(pipeline, "first-day")
    assert (failed["status"], failed["error"]) == ("FAILED", "EmailRejected")
    assert pipeline.states("first-day")[-1] == "SendConfirmation"
    row = pipeline.row("first-day")
    assert (row["status"], row["email_status"]) == ("CONFIRMED", "REJECTED")
    assert "not verified" in row["email_error"]

    pipeline.aws.client("sesv2").create_email_identity(EmailIdentity="first-day@example.com")
    pipeline.publish(message)
    assert settled(pipeline, "first-day--2")["status"] == "SUCCEEDED"
    assert pipeline.states("first-day--2") == ["UpdateOrder", "SendConfirmation"]
    assert pipeline.row("first-day")["email_status"] == "SENT"
    assert len(pipeline.mails_to("first-day@example.com")) == 1
    assert pipeline.stock("book") == 9


@pytest.fixture
def reservation_throttled(pipeline: DeployedPipeline) -> Iterator[str]:
    """No invocation of ReserveInventory gets through; the value is the function's name."""
    client, name = pipeline.aws.client("lambda"), pipeline.function("ReserveInventory")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    yield name
    client.delete_function_concurrency(FunctionName=name)


def test_an_aborted_execution_closes_its_order_and_publishing_again_starts_the_next_attempt(
    pipeline: DeployedPipeline, reservation_throttled: str
) -> None:
    pipeline.put_stock(lamp=10)
    message = order("stopped", "stopped@example.com", lamp=4)
    pipeline.publish(message)
    wait_for(lambda: pipeline.row("stopped").get("status"), lambda status: status == "PROCESSING")
    running = pipeline.execution("stopped")
    pipeline.aws.client("stepfunctions").stop_execution(executionArn=running["executionArn"])

    row = wait_for(lambda: pipeline.row("stopped"), lambda found: found["status"] == "FAILED")
    assert row["status_reason"] == "execution ABORTED"
    assert pipeline.stock("lamp") == 10

    pipeline.aws.client("lambda").delete_function_concurrency(FunctionName=reservation_throttled)
    pipeline.publish(message)
    assert settled(pipeline, "stopped--2")["status"] == "SUCCEEDED"
    row = pipeline.row("stopped")
    assert (row["status"], row["attempt"], row["email_status"]) == ("CONFIRMED", "2", "SENT")
    assert pipeline.stock("lamp") == 6
