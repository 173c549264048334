"""`orders email` against the deployed stack; the ways it can end are in `tests/ops/mail/test_commands.py`."""

from collections.abc import Iterator

import pytest

from tests.deployed.commands.conftest import Orders
from tests.deployed.conftest import DeployedPipeline, wait_for


@pytest.fixture
def sandbox(pipeline: DeployedPipeline) -> Iterator[None]:
    """SES in its sandbox, for this test."""
    with pipeline.in_sandbox():
        yield


def confirmed(pipeline: DeployedPipeline, order_id: str, mail: str) -> None:
    """Have an order confirmed, and wait until its mail has come so far."""
    pipeline.put_stock(mailed=10)
    lines = [{"item_id": "mailed", "quantity": 1}]
    pipeline.publish({"order_id": order_id, "customer_email": f"{order_id}@example.com", "items": lines})
    wait_for(lambda: pipeline.row(order_id), lambda row: row.get("email_status") == mail)


@pytest.mark.usefixtures("sandbox")
def test_a_mail_refused_in_the_sandbox_leaves_once_its_address_is_verified(
    orders: Orders, pipeline: DeployedPipeline
) -> None:
    address = "refused-mail@example.com"
    confirmed(pipeline, "refused-mail", "REJECTED")
    account = orders.json("email", "sandbox", schema="email-sandbox")
    assert (account["in_sandbox"], account["sending_enabled"]) == (True, True)
    sender, named = orders.json("email", "status", address, schema="email-status")["addresses"]
    assert (sender["address"], sender["verified"]) == ("orders@example.com", True)
    assert (named["address"], named["verified"], named["identity"]) == (address, False, None)

    refused = orders("email", "resend", "refused-mail")
    assert (refused.code, refused.out) == (1, "")
    assert "the mail was not sent: SES: MessageRejected" in refused.err
    assert pipeline.row("refused-mail")["email_status"] == "REJECTED"

    assert orders("email", "verify", address, "--wait").out == f"{address}: verified\n"
    sent = orders("email", "resend", "refused-mail")  # certainly none has left, so nobody is asked
    assert (sent.code, sent.out.startswith("refused-mail: SENT, message ")) == (0, True), sent
    assert len(pipeline.mails_to(address)) == 1
    assert pipeline.stock("mailed") == 9


def test_a_second_mail_is_sent_only_to_whoever_says_so(orders: Orders, pipeline: DeployedPipeline) -> None:
    confirmed(pipeline, "second-mail", "SENT")
    first = pipeline.row("second-mail")

    asked = orders("email", "resend", "second-mail")
    assert (asked.code, asked.out) == (2, "")
    assert "its mail is SENT; this will be the customer's second" in asked.err
    assert len(pipeline.mails_to("second-mail@example.com")) == 1

    assert orders("email", "resend", "second-mail", "--yes").code == 0
    assert len(pipeline.mails_to("second-mail@example.com")) == 2
    row = pipeline.row("second-mail")
    assert row["email_status"] == "SENT"
    read = orders.json("email", "read", "second-mail", schema="email-read")["mails"]
    assert [mail["message_id"] for mail in read] == [first["email_message_id"], row["email_message_id"]]
    assert "1 × mailed" in read[1]["text"]
    assert (row["email_claim"], row["email_message_id"]) != (first["email_claim"], first["email_message_id"])
