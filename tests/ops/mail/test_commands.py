"""`orders email` as it is typed, before a SES and a Lambda that answer as told."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ops.stack import Stack
from tests.answers import Answer
from tests.ops.command import Command
from tests.ops.mail.test_addresses import BOB, Function, Ses, lay, the_row
from tests.ops.moto_stack import moto_stack

SENDER = "orders@example.com"
SANDBOX = {
    "ProductionAccessEnabled": False,
    "SendingEnabled": True,
    "EnforcementStatus": "HEALTHY",
    "SendQuota": {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 7.0},
}


@dataclass
class OldSes:
    """SES v1, which mails a link again."""

    mailed: list[str] = field(default_factory=list)

    def verify_email_identity(self, EmailAddress: str) -> None:  # noqa: N803 - boto3's name
        self.mailed.append(EmailAddress)


@pytest.fixture
def ses() -> Ses:
    return Ses({SENDER: "SUCCESS"}, account=dict(SANDBOX))


@pytest.fixture
def stack(ses: Ses) -> Iterator[Stack]:
    with moto_stack(tables=True) as made:
        stack = replace(made, outputs={**made.outputs, "SendEmailFunctionArn": "send-email"}, _clients={})
        stack._clients.update({"sesv2": ses, "ses": OldSes()})
        yield stack


@pytest.fixture
def orders(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(stack, monkeypatch)


def refused(answer: Answer, code: int, told: str) -> None:
    assert (answer.code, answer.out) == (code, ""), answer
    assert told in answer.err


def test_a_new_address_is_mailed_a_link_and_again_when_asked_again(orders: Command, stack: Stack) -> None:
    first = orders("email", "verify", BOB)
    assert first.out == f"{BOB}: PENDING; `orders email status {BOB}` shows when it was followed\n"
    assert f"SES has mailed {BOB} a link" in first.err
    ses: Any = stack.client("ses")
    assert ses.mailed == []
    assert orders("email", "verify", BOB).code == 0
    assert ses.mailed == [BOB]


def test_an_address_is_waited_for_until_its_link_was_followed(
    orders: Command, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def followed(_seconds: float) -> None:
        ses.statuses[BOB] = "SUCCESS"

    monkeypatch.setattr("ops.mail.commands.time.sleep", followed)
    assert orders("email", "verify", BOB, "--wait").out == f"{BOB}: verified\n"
    assert orders("email", "verify", BOB).out == f"{BOB}: already verified\n"
    ses.statuses["example.org"] = "SUCCESS"
    assert orders("email", "verify", "x@example.org").out == "x@example.org: already verified by example.org\n"


def test_the_status_shows_every_identity_the_senders_first(orders: Command, ses: Ses) -> None:
    ses.statuses |= {"a@example.com": "PENDING", "example.org": "SUCCESS"}
    shown = orders("email", "status").out
    assert "in the SES sandbox: mail leaves for verified addresses and domains only" in shown
    found = orders.json("email", "status", schema="email-status")
    assert (found["in_sandbox"], found["sender"]) == (True, SENDER)
    assert [(one["address"], one["verified"]) for one in found["addresses"]] == [
        (SENDER, True),
        ("a@example.com", False),
        ("example.org", True),
    ]


def test_the_status_of_named_addresses_shows_what_holds_mail_to_them_back(orders: Command, ses: Ses) -> None:
    ses.suppressed |= {BOB: "BOUNCE", SENDER: "COMPLAINT"}
    shown = orders("email", "status", BOB).out
    assert "BOUNCE since 2026-11-01" in shown
    assert "COMPLAINT" not in shown
    _, bob = orders.json("email", "status", BOB, schema="email-status")["addresses"]
    assert (bob["verified"], bob["identity"], bob["suppression"]["reason"]) == (False, None, "BOUNCE")
    (sender,) = orders.json("email", "status", SENDER, schema="email-status")["addresses"]
    assert sender["suppression"]["reason"] == "COMPLAINT"


@pytest.fixture
def _in_calcutta(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "IST-5:30")  # Asia/Kolkata, without a time zone database
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_in_calcutta")
def test_what_ses_says_in_local_time_is_shown_as_utc_and_says_so(orders: Command, stack: Stack, ses: Ses) -> None:
    """boto3 gives a moment in the zone of this machine: early in the morning there is the day before in UTC."""
    ses.suppressed = {BOB: "BOUNCE"}
    ses.since = datetime(2026, 10, 31, 23, 0, tzinfo=UTC).astimezone()
    assert ses.since.day == 1
    assert "BOUNCE since 2026-10-31 UTC" in orders("email", "status", BOB).out
    _, bob = orders.json("email", "status", BOB, schema="email-status")["addresses"]
    assert bob["suppression"]["since"] == "2026-10-31T23:00:00+00:00"
    lay(stack, Function(), email_status="BOUNCED", customer_email=BOB)
    refused(orders("email", "resend", "12345", "--yes"), 1, "suppression list (BOUNCE since 2026-10-31 UTC)")


def test_the_sandbox_says_what_is_left_and_how_to_leave_it(orders: Command, ses: Ses) -> None:
    shown = orders("email", "sandbox").out
    for told in ("7 of 200", "HEALTHY", "To leave it: docs/leaving-the-sandbox.md"):
        assert told in shown
    assert "Sending is paused" not in shown
    assert orders.json("email", "sandbox", schema="email-sandbox")["most_in_24_hours"] == 200

    ses.account |= {"ProductionAccessEnabled": True, "SendingEnabled": False}
    ses.account |= {"Details": {"ReviewDetails": {"Status": "GRANTED"}}}
    shown = orders("email", "sandbox").out
    assert "out of the SES sandbox" in shown
    assert "Sending is paused: SES refuses every mail" in shown
    assert "To leave it" not in shown
    assert orders.json("email", "sandbox", schema="email-sandbox")["review"] == "GRANTED"


@pytest.mark.parametrize(
    ("mail", "told"),
    [
        ("SENT", "its mail is SENT; this will be the customer's second. Send it again?"),
        ("BOUNCED", "its mail is BOUNCED; this will be the customer's second. Send it again?"),
        ("UNKNOWN", "unknown whether its mail left (answer lost); this may be the customer's second. Send it again?"),
    ],
)
def test_a_mail_that_may_be_the_second_is_sent_only_if_somebody_says_so(
    orders: Command, stack: Stack, mail: str, told: str
) -> None:
    function = Function()
    lay(stack, function, email_status=mail, email_claim="first", email_error="answer lost")
    refused(orders("email", "resend", "12345"), 2, told)
    assert (function.payloads, the_row(stack)["email_status"]) == ([], mail)
    assert orders("email", "resend", "12345", "--yes").code == 0
    assert len(function.payloads) == 1


@pytest.mark.parametrize("mail", [None, "PENDING", "REJECTED"])
def test_a_mail_that_has_certainly_not_left_is_sent_without_a_question(
    orders: Command, stack: Stack, mail: str | None
) -> None:
    function = Function()

    def sent() -> None:
        lay(stack, function, email_status="SENT", email_message_id="m-2")

    function.does = sent
    lay(stack, function, **({"email_status": mail} if mail else {}))
    assert orders("email", "resend", "12345").out == "12345: SENT, message m-2\n"


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"email_status": "SENDING"}, "order 12345: its mail is being sent; look again in a minute"),
        ({"email_status": "COMPLAINED"}, "the customer has complained"),
        ({"email_status": "BOUNCED", "customer_email": BOB}, "on the account's suppression list"),
    ],
)
def test_a_mail_that_must_not_be_sent_again_is_not_even_if_somebody_says_so(
    orders: Command, stack: Stack, ses: Ses, attributes: dict[str, str], told: str
) -> None:
    function: Any = Function()
    ses.suppressed = {BOB: "BOUNCE"}
    lay(stack, function, **attributes)
    refused(orders("email", "resend", "12345", "--yes"), 1, told)
    assert function.payloads == []


def test_a_mail_that_was_refused_again_says_why(orders: Command, stack: Stack) -> None:
    lay(stack, Function({"errorType": "EmailRejected", "errorMessage": "SES: MessageRejected"}))
    refused(orders("email", "resend", "12345"), 1, "the mail was not sent: SES: MessageRejected")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("resend", "nothing"), 1, "order 'nothing' has no row"),
        (("resend", ""), 2, "ORDER: must be a text of 1 to 256 characters"),
        (("verify", "nobody"), 2, "ADDRESS: must be one plain ASCII e-mail address"),
        (("status", "nobody"), 2, "ADDRESS: must be one plain ASCII e-mail address"),
    ],
)
def test_what_is_typed_wrong_is_named(orders: Command, arguments: tuple[str, ...], code: int, told: str) -> None:
    refused(orders("email", *arguments), code, told)
