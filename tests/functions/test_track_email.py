"""The mail's life after sending: forward only, only of the mail that the row has, and never an address."""

import json
from itertools import permutations
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from functions.send_email.handler import send_confirmation
from functions.shared.mail_tags import to_tags
from functions.track_email.handler import track_email
from tests.functions.builders import CUSTOMER, MAIL_EVENTS, LambdaContext, mail_event, run, sqs_event
from tests.functions.cloud import Cloud
from tests.functions.conftest import Output
from tests.functions.wire import Wire, answer_lost, answers

SENT, DELIVERED, BOUNCED, COMPLAINED, REJECTED = MAIL_EVENTS
STATUS = {SENT: "SENT", DELIVERED: "DELIVERED", BOUNCED: "BOUNCED", COMPLAINED: "COMPLAINED", REJECTED: "REJECTED"}
FORWARD = ["SENDING", "UNKNOWN", "SENT", "DELIVERED", "BOUNCED", "COMPLAINED"]
COUNTED = {
    DELIVERED: "MailsDelivered",
    BOUNCED: "MailsBounced",
    COMPLAINED: "MailsComplained",
    REJECTED: "MailsRefused",
}
OTHER_STATUSES = [None, "PENDING", "REJECTED"]


@pytest.fixture
def mailed(cloud: Cloud) -> Cloud:
    """An order whose mail SES has taken."""
    cloud.put_order("CONFIRMED", 1, email_status="SENT", email_claim="invocation-1", email_message_id="0101-mail")
    return cloud


def deliver(*bodies: str) -> list[str]:
    """Hand the function a batch, and return the messages that stay in the queue."""
    response: Any = track_email(sqs_event(*bodies), LambdaContext())
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


def the_mail(cloud: Cloud) -> dict[str, Any]:
    row = cloud.order()
    assert row is not None
    return {name: value for name, value in row.items() if name.startswith("email_")}


# ------------------------------------------------------------------------------------------------- one event


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (DELIVERED, None),
        (BOUNCED, "Permanent: General: smtp; 550 5.1.1 user unknown"),
        (COMPLAINED, "abuse"),
    ],
)
def test_what_became_of_a_mail_stands_in_its_orders_row(
    mailed: Cloud, output: Output, kind: str, reason: str | None
) -> None:
    assert deliver(mail_event(kind)) == []
    expected = {"email_status": STATUS[kind], "email_claim": "invocation-1", "email_message_id": "0101-mail"}
    assert the_mail(mailed) == expected | ({"email_error": reason} if reason else {})
    assert output.counted == {COUNTED[kind]: 1}
    (counted,) = output.metrics
    assert counted["order_id"] == "12345"
    assert "attempt" not in counted, "an event of a mail knows of none"


def test_an_event_touches_neither_status_nor_stock(mailed: Cloud, wire: Wire) -> None:
    mailed.put_stock(item001=10, item002=5)
    deliver(*(mail_event(kind) for kind in MAIL_EVENTS))
    assert mailed.status() == ("CONFIRMED", 1)
    assert mailed.available("item001", "item002") == (10, 5)
    assert {request.operation for request in wire.requests} == {"UpdateItem"}


@pytest.mark.parametrize("kind", [SENT, DELIVERED])
@pytest.mark.parametrize("email_status", ["SENDING", "UNKNOWN"])
def test_an_event_resolves_a_mail_of_which_nobody_knew_whether_it_left(
    cloud: Cloud, kind: str, email_status: str
) -> None:
    cloud.put_order("CONFIRMED", 1, email_status=email_status, email_claim="invocation-1", email_error="lost")
    deliver(mail_event(kind))
    assert the_mail(cloud) == {
        "email_status": STATUS[kind],
        "email_claim": "invocation-1",
        "email_message_id": "0101-mail",
    }


@pytest.mark.parametrize("kind", MAIL_EVENTS)
@pytest.mark.parametrize("email_status", [*FORWARD, *OTHER_STATUSES])
def test_a_mail_only_goes_forward(cloud: Cloud, output: Output, kind: str, email_status: str | None) -> None:
    """COMPLAINED comes after all others; a mail that has arrived was not rejected."""
    cloud.put_order("CONFIRMED", 1, email_status=email_status, email_claim="invocation-1")
    before = cloud.order()
    assert deliver(mail_event(kind)) == []
    end = 3 if kind == REJECTED else FORWARD.index(STATUS[kind])
    moves = email_status in FORWARD[:end]
    assert cloud.email() == (STATUS[kind] if moves else email_status)
    assert moves or cloud.order() == before
    assert output.counted == ({COUNTED[kind]: 1} if moves and kind in COUNTED else {})


@pytest.mark.parametrize("order", [*permutations([SENT, DELIVERED, BOUNCED, COMPLAINED])])
def test_events_in_any_order_and_twice_come_to_the_same(cloud: Cloud, order: tuple[str, ...]) -> None:
    cloud.put_order("CONFIRMED", 1, email_status="SENDING", email_claim="invocation-1")
    for kind in [*order, *order]:
        deliver(mail_event(kind))
    assert the_mail(cloud) == {
        "email_status": "COMPLAINED",
        "email_claim": "invocation-1",
        "email_message_id": "0101-mail",
        "email_error": "abuse",
    }


@pytest.mark.parametrize("kind", [DELIVERED, BOUNCED, REJECTED])
def test_an_event_of_an_earlier_mail_of_the_order_changes_nothing(cloud: Cloud, output: Output, kind: str) -> None:
    cloud.put_order("CONFIRMED", 1, email_status="SENT", email_claim="invocation-2", email_message_id="0102-mail")
    before = cloud.order()
    assert deliver(mail_event(kind)) == []
    assert cloud.order() == before
    assert output.counted == {}
    assert [line["level"] for line in output.logs] == ["INFO"]


@pytest.mark.parametrize("status", [None, "PROCESSING", "CONFIRMED"])
def test_an_order_that_has_no_mail_or_no_row_is_left_as_it_is(cloud: Cloud, output: Output, status: str | None) -> None:
    if status:
        cloud.put_order(status, 1)
    before = cloud.order()
    assert deliver(mail_event(DELIVERED)) == []
    assert cloud.order() == before
    assert output.counted == {}
    assert [(line["level"], line["order_id"]) for line in output.logs] == [("INFO", "12345")]


def test_an_event_of_a_rejected_mail_says_nothing_of_the_next_which_a_person_sends(
    cloud: Cloud, output: Output
) -> None:
    cloud.verify_sender()
    cloud.put_order("CONFIRMED", 1)
    run(send_confirmation)
    deliver(mail_event(REJECTED))
    assert (cloud.email(), the_mail(cloud)["email_error"]) == ("REJECTED", "Bad content")
    cloud.put_order("CONFIRMED", 1, email_status="PENDING")  # as `orders email resend` opens it
    run(send_confirmation, attempt=2, invocation="invocation-2")
    deliver(mail_event(REJECTED))
    assert (cloud.email(), len(cloud.mails())) == ("SENT", 2)
    assert output.counted == {"MailsSent": 2, "MailsRefused": 1}


@pytest.mark.parametrize("order_id", ["order/1 <b>", "注文", "😀" * 256])
def test_the_mail_of_any_order_is_found(cloud: Cloud, order_id: str) -> None:
    cloud.put_order("CONFIRMED", 1, order_id=order_id, email_status="SENT", email_claim="invocation-1")
    tags = {tag["Name"]: [tag["Value"]] for tag in to_tags("invocation-1", order_id)}
    assert deliver(mail_event(DELIVERED, mail={"tags": tags})) == []
    row = cloud.order(order_id)
    assert row is not None
    assert row["email_status"] == "DELIVERED"


# ------------------------------------------------------------------------------------------------- reasons


def bounced(kind: str, subtype: str, *codes: str | None) -> str:
    recipients = [{"emailAddress": CUSTOMER} | ({"diagnosticCode": code} if code else {}) for code in codes]
    bounce = {"bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": recipients}
    return mail_event(BOUNCED, bounce=bounce)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (bounced("Transient", "MailboxFull", "smtp; 552 full"), "Transient: MailboxFull: smtp; 552 full"),
        (bounced("Permanent", "OnAccountSuppressionList", None), "Permanent: OnAccountSuppressionList"),
        (bounced("Permanent", "Suppressed", None), "Permanent: Suppressed"),
        (bounced("Undetermined", "Undetermined"), "Undetermined: Undetermined"),
        (
            bounced("Permanent", "NoEmail", f"smtp; 550 <{CUSTOMER}>: unknown, ask other.one@example.org"),
            "Permanent: NoEmail: smtp; 550 <an address>: unknown, ask an address",
        ),
        (
            bounced("Permanent", "NoEmail", "550 <john/doe@example.com> see https://x@example.org/why"),
            "Permanent: NoEmail: 550 <an address> see https:an address/why",
        ),
        (bounced("Permanent", "General", "x" * 2_000), "Permanent: General: " + "x" * 480),
        (mail_event(BOUNCED, bounce=None), None),
        (
            mail_event(COMPLAINED, complaint={"complaintSubType": "OnAccountSuppressionList"}),
            "OnAccountSuppressionList",
        ),
        (mail_event(COMPLAINED, complaint={}), None),
    ],
    ids=[
        "soft",
        "suppressed",
        "suppressed by SES",
        "unknown",
        "address",
        "slash",
        "long",
        "none",
        "complaint",
        "no complaint",
    ],
)
def test_the_row_says_why_as_far_as_ses_does_and_without_an_address(
    mailed: Cloud, output: Output, body: str, reason: str | None
) -> None:
    deliver(body)
    assert the_mail(mailed).get("email_error") == reason
    assert mailed.email() in ("BOUNCED", "COMPLAINED")
    assert "@" not in output.text


# ------------------------------------------------------------------------------------- what is no event of ours


@pytest.mark.parametrize(
    "body",
    [
        mail_event(DELIVERED, mail={"tags": {"ses:configuration-set": ["theirs"]}}),
        mail_event(DELIVERED, mail={"tags": {"claim": ["theirs"], "campaign": ["spring"]}}),
        mail_event(DELIVERED).replace(DELIVERED, "Email Opened"),
        json.dumps({"detail-type": "Sending Status Disabled", "source": "aws.ses", "detail": {"data": {}}}),
    ],
    ids=["no tags of ours", "half of them", "an event of no interest", "an event of no mail"],
)
def test_what_somebody_elses_mail_does_is_noted_and_acknowledged(mailed: Cloud, output: Output, body: str) -> None:
    before = mailed.order()
    assert deliver(body) == []
    assert mailed.order() == before
    assert output.counted == {}
    assert [(line["level"], line["message_id"]) for line in output.logs] == [("INFO", "message-0")]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        f"not JSON {CUSTOMER}",
        "[" * 100_000,
        "{}",
        json.dumps({"detail-type": DELIVERED}),
        json.dumps({"detail-type": DELIVERED, "detail": {"mail": []}}),
        json.dumps({"detail-type": [], "detail": {}}),
        mail_event(DELIVERED, mail={"tags": None}),
        mail_event(DELIVERED, mail={"tags": {"claim": [], "order_id": ["12345"]}}),
        mail_event(BOUNCED, bounce=[CUSTOMER]),
    ],
    ids=lambda body: body[:30],
)
def test_a_message_that_is_no_event_of_ses_ends_with_the_dead_letters_and_the_rest_goes_on(
    mailed: Cloud, output: Output, body: str
) -> None:
    """It stays in the queue until SQS gives it up."""
    assert deliver(body, mail_event(DELIVERED)) == ["message-0"]
    assert mailed.email() == "DELIVERED"
    (logged,) = output.logs
    assert (logged["level"], logged["error_type"], logged["message_id"]) == ("ERROR", "ValueError", "message-0")
    assert "@" not in output.text


# ------------------------------------------------------------------------------------------------- faults


def test_a_throttled_table_leaves_its_message_in_the_queue_and_the_rest_goes_on(
    mailed: Cloud, wire: Wire, output: Output
) -> None:
    mailed.put_order("CONFIRMED", 1, order_id="b", email_status="SENT", email_claim="invocation-1")
    wire.fault("UpdateItem", answers("ThrottlingException", message=f"too fast for {CUSTOMER}"), where='"b"', times=2)
    of_b = mail_event(DELIVERED, mail={"tags": {"claim": ["invocation-1"], "order_id": ["b"]}})
    assert deliver(of_b, mail_event(DELIVERED)) == ["message-0"]
    assert output.counted == {"MailsDelivered": 1, "MailEventsLeft": 1}
    assert [(line["level"], line["error_type"], line["order_id"]) for line in output.logs] == [
        ("ERROR", "TransientError", "b")
    ]
    assert deliver(of_b) == []
    assert output.counted == {"MailsDelivered": 2, "MailEventsLeft": 1}
    assert "@" not in output.text


def test_a_denied_write_leaves_its_message_in_the_queue(mailed: Cloud, wire: Wire) -> None:
    wire.fault("UpdateItem", answers("AccessDeniedException"), times=1)
    assert deliver(mail_event(DELIVERED)) == ["message-0"]
    assert mailed.email() == "SENT"


def test_a_lost_answer_is_counted_as_nothing_and_the_mail_is_delivered(
    mailed: Cloud, wire: Wire, output: Output
) -> None:
    """The client's own second try finds the row moved: a count may be missing, and none is too many."""
    wire.fault("UpdateItem", answer_lost(ReadTimeoutError), times=1)
    assert deliver(mail_event(DELIVERED)) == []
    assert mailed.email() == "DELIVERED"
    assert output.counted == {}


def test_every_event_is_counted_on_a_line_with_its_own_order(mailed: Cloud, output: Output) -> None:
    mailed.put_order("CONFIRMED", 1, order_id="b", email_status="SENT", email_claim="invocation-1")
    of_b = mail_event(BOUNCED, mail={"tags": {"claim": ["invocation-1"], "order_id": ["b"]}})
    deliver(mail_event(DELIVERED), "broken", of_b)
    counted = {"MailsDelivered", "MailEventsLeft", "MailsBounced"}
    assert [(line.get("order_id"), counted & line.keys()) for line in output.metrics] == [
        ("12345", {"MailsDelivered"}),
        (None, {"MailEventsLeft"}),
        ("b", {"MailsBounced"}),
    ]
    assert "order_id" not in output.logs[0], "no line carries the order of the line before"


def test_an_event_takes_one_write(mailed: Cloud, wire: Wire) -> None:
    deliver(mail_event(DELIVERED), mail_event(DELIVERED))
    assert mailed.email() == "DELIVERED"
    assert [request.operation for request in wire.requests] == ["UpdateItem"] * 2
