"""SendConfirmation: at most one automatic mail, and an unknown outcome is never silent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

from functions.send_email.handler import send_confirmation
from functions.send_email.mailer import open_mailer
from functions.shared.errors import (
    EmailOutcomeUnknown,
    EmailRejected,
    OrderAlreadyFailed,
    OrderClosed,
    TransientError,
)
from functions.track_email.handler import track_email
from tests.functions.builders import (
    CUSTOMER,
    LambdaContext,
    execution_input,
    mail_event,
    run,
    sqs_event,
    step_event,
)
from tests.functions.cloud import SENDER, Cloud
from tests.functions.conftest import Output
from tests.functions.wire import Fault, Wire, answer_lost, answers, meanwhile, never_arrives

NOT_VERIFIED = (
    "Email address is not verified. The following identities failed the check in region US-WEST-2: "
    f"{CUSTOMER}, Orders <{SENDER}>, third@example.org"
)


@pytest.fixture
def confirmed(cloud: Cloud) -> Cloud:
    """An order that is CONFIRMED and whose customer knows nothing yet."""
    cloud.verify_sender()
    cloud.put_order("CONFIRMED", 1)
    return cloud


def told(cloud: Cloud) -> tuple[str | None, int]:
    """What the row says of the mail, and how many there are."""
    return cloud.email(), len(cloud.mails())


def reason(cloud: Cloud) -> str | None:
    """Why the mail was not sent, as an operator reads it in the row."""
    return (cloud.order() or {}).get("email_error")


def test_the_customer_of_a_confirmed_order_gets_one_mail(confirmed: Cloud, output: Output) -> None:
    run(send_confirmation)
    (mail,) = confirmed.mails()
    assert (mail.source, mail.destinations) == (SENDER, {"ToAddresses": [CUSTOMER]})
    row = confirmed.order()
    assert row is not None
    assert (row["status"], row["email_status"], row["email_message_id"]) == ("CONFIRMED", "SENT", mail.id)
    assert output.counted == {"MailsSent": 1}


def test_sending_twice_sends_once(confirmed: Cloud, output: Output) -> None:
    run(send_confirmation)
    sent = confirmed.order()
    run(send_confirmation, invocation="invocation-2")
    assert confirmed.order() == sent
    assert len(confirmed.mails()) == 1
    assert output.counted == {"MailsSent": 1}


def test_the_mail_goes_where_the_order_says_and_not_where_the_execution_says(confirmed: Cloud) -> None:
    confirmed.put_order("CONFIRMED", 1, customer_email="first@example.com")
    run(send_confirmation)
    assert confirmed.mails()[0].destinations == {"ToAddresses": ["first@example.com"]}


def test_a_row_without_an_address_is_refused_by_its_name(confirmed: Cloud) -> None:
    confirmed.put_order("CONFIRMED", 1, customer_email=None)
    with pytest.raises(EmailRejected, match="customer_email: must be in the order's row"):
        run(send_confirmation)
    assert told(confirmed) == ("REJECTED", 0)


def test_a_later_attempt_sends_the_mail_that_the_first_could_not(confirmed: Cloud) -> None:
    confirmed.put_order("CONFIRMED", 1, email_status="REJECTED")
    run(send_confirmation, attempt=2)
    assert told(confirmed) == ("SENT", 1)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (None, OrderAlreadyFailed),
        ("PROCESSING", OrderAlreadyFailed),
        ("FAILED", OrderAlreadyFailed),
        ("REJECTED", OrderClosed),
        ("CANCELLED", OrderClosed),
    ],
)
def test_an_order_that_is_not_confirmed_is_told_nothing(
    confirmed: Cloud, output: Output, status: str | None, error: type[Exception]
) -> None:
    confirmed.put_order(status, 1)
    before = confirmed.order()
    with pytest.raises(error):
        run(send_confirmation)
    assert confirmed.order() == before
    assert confirmed.mails() == []
    assert output.counted == {}


def test_an_order_without_a_row_is_told_nothing(cloud: Cloud) -> None:
    cloud.verify_sender()
    with pytest.raises(OrderAlreadyFailed, match=r"^order '12345' has no row$"):
        run(send_confirmation)
    assert cloud.order() is None
    assert cloud.mails() == []


# --------------------------------------------------------------------------------------------------------- claims


@pytest.mark.parametrize("email_status", [None, "PENDING", "REJECTED"])
def test_a_mail_that_has_not_left_is_sent(confirmed: Cloud, email_status: str | None) -> None:
    error = None if email_status is None else "an earlier error"
    confirmed.put_order("CONFIRMED", 1, email_status=email_status, email_claim="earlier", email_error=error)
    run(send_confirmation)
    assert told(confirmed) == ("SENT", 1)
    row = confirmed.order()
    assert row is not None
    assert "email_error" not in row


def test_a_mail_that_is_sent_is_done(confirmed: Cloud, output: Output) -> None:
    confirmed.put_order("CONFIRMED", 1, email_status="SENT", email_claim="earlier")
    run(send_confirmation)
    assert told(confirmed) == ("SENT", 0)
    assert output.counted == {}


def test_a_mail_left_half_sent_by_a_dead_invocation_is_unknown(confirmed: Cloud, output: Output) -> None:
    confirmed.put_order("CONFIRMED", 1, email_status="SENDING", email_claim="dead")
    with pytest.raises(EmailOutcomeUnknown, match=r"^the mail for order '12345' may have left: an earlier try was cut"):
        run(send_confirmation)
    assert told(confirmed) == ("UNKNOWN", 0)
    row = confirmed.order()
    assert row is not None
    assert row["email_error"] == "an earlier try was cut off"
    assert output.counted == {"MailsUnknown": 1}


def test_an_unknown_mail_stays_unknown_and_is_counted_once(confirmed: Cloud, output: Output) -> None:
    confirmed.put_order("CONFIRMED", 1, email_status="UNKNOWN", email_claim="dead")
    for number in range(3):
        with pytest.raises(EmailOutcomeUnknown):
            run(send_confirmation, invocation=f"invocation-{number}")
    assert told(confirmed) == ("UNKNOWN", 0)
    assert output.counted == {}


@pytest.mark.parametrize("email_status", ["sent", "", "delivered"])
def test_a_mail_status_nobody_knows_is_not_taken_for_sent(confirmed: Cloud, email_status: str) -> None:
    """Written by hand, say: an outcome that is not known is never silent."""
    confirmed.put_order("CONFIRMED", 1, email_status=email_status)
    with pytest.raises(EmailOutcomeUnknown):
        run(send_confirmation)
    assert told(confirmed) == (email_status, 0)


def test_a_claim_without_an_owner_is_unknown_all_the_same(confirmed: Cloud) -> None:
    confirmed.put_order("CONFIRMED", 1, email_status="SENDING")
    with pytest.raises((EmailOutcomeUnknown, TransientError)):
        run(send_confirmation)
    assert told(confirmed)[1] == 0


def test_its_own_claim_is_recognised_after_a_lost_answer(confirmed: Cloud, wire: Wire, output: Output) -> None:
    wire.fault("UpdateItem", answer_lost(ReadTimeoutError), times=1)
    run(send_confirmation)
    assert told(confirmed) == ("SENT", 1)
    assert output.counted == {"MailsSent": 1}


def test_a_claim_that_a_running_invocation_settles_meanwhile_is_looked_at_again(
    confirmed: Cloud, wire: Wire, output: Output
) -> None:
    confirmed.put_order("CONFIRMED", 1, email_status="SENDING", email_claim="other")
    settle = meanwhile(lambda: confirmed.put_order("CONFIRMED", 1, email_status="SENT", email_claim="other"))
    wire.fault("UpdateItem", settle, skip=1, times=1)
    with pytest.raises(TransientError, match=r"^another invocation is at this mail$"):
        run(send_confirmation)
    run(send_confirmation)
    assert told(confirmed) == ("SENT", 0)
    assert output.counted == {}


def lost_on_the_way(requests: list[Callable[[], Any]]) -> Fault:
    """No answer comes; each try of the request is kept, and may still arrive."""

    def fault(request: Any, arrive: Callable[[], Any]) -> Any:
        requests.append(arrive)
        return never_arrives(ReadTimeoutError)(request, arrive)

    return fault


@pytest.mark.parametrize("first", [{}, {"email_status": "PENDING", "email_claim": "invocation-0"}], ids=["none", "one"])
@pytest.mark.parametrize(
    ("refusal", "email_status"), [("ThrottlingException", "PENDING"), ("MessageRejected", "REJECTED")]
)
def test_a_claim_that_lands_late_takes_nothing_from_a_newer_try(
    confirmed: Cloud, wire: Wire, first: dict[str, str], refusal: str, email_status: str
) -> None:
    """What is surely known, that no mail has left, stays known, and the next try sends it."""
    confirmed.put_order("CONFIRMED", 1, **first)
    late: list[Callable[[], Any]] = []
    wire.fault("UpdateItem", lost_on_the_way(late), skip=1 if first else 0, times=3)
    with pytest.raises(TransientError):
        run(send_confirmation, invocation="invocation-1")
    wire.fault("SendEmail", answers(refusal), times=1)
    with pytest.raises((TransientError, EmailRejected)):
        run(send_confirmation, invocation="invocation-2")
    for arrive in late:
        arrive()
    row = confirmed.order()
    assert row is not None
    assert (row["email_status"], row["email_claim"]) == (email_status, "invocation-2")
    run(send_confirmation, invocation="invocation-3")
    assert told(confirmed) == ("SENT", 1)


def test_a_mail_that_another_invocation_claims_at_the_same_moment_is_looked_at_again(
    confirmed: Cloud, wire: Wire
) -> None:
    confirmed.put_order("CONFIRMED", 1, email_status="PENDING", email_claim="earlier")
    claimed = meanwhile(lambda: confirmed.put_order("CONFIRMED", 1, email_status="SENDING", email_claim="other"))
    wire.fault("UpdateItem", claimed, skip=1, times=1)
    with pytest.raises(TransientError, match=r"^another invocation is at this mail$"):
        run(send_confirmation)
    assert told(confirmed) == ("SENDING", 0)


def test_a_table_that_throttles_the_claim_sends_nothing(confirmed: Cloud, wire: Wire) -> None:
    wire.fault("UpdateItem", answers("ThrottlingException"), times=3)
    with pytest.raises(TransientError):
        run(send_confirmation)
    assert told(confirmed) == (None, 0)


# -------------------------------------------------------------------------------------------- what SES may answer

REFUSED: list[tuple[str, Fault]] = [
    ("unverified", answers("MessageRejected", message=NOT_VERIFIED)),
    ("account paused", answers("SendingPausedException", message="paused")),
    ("account suspended", answers("AccountSuspendedException", message="suspended")),
    ("sender domain", answers("MailFromDomainNotVerifiedException", message="not verified")),
    ("bad request", answers("BadRequestException", message="bad")),
    ("not found", answers("NotFoundException", 404, message="no such configuration set")),
    ("no access", answers("AccessDeniedException", 403, message="not authorized")),
]
NOT_SENT: list[tuple[str, Fault]] = [
    ("too many requests", answers("TooManyRequestsException", 429)),
    ("throttled", answers("ThrottlingException")),
    ("throttled by a fault", answers("Throttling", 503)),
    ("limit exceeded", answers("LimitExceededException")),
    ("connect timeout", never_arrives(ConnectTimeoutError)),
    ("refused connection", never_arrives(EndpointConnectionError)),
    ("refused by a proxy", never_arrives(ProxyConnectionError)),
]
UNKNOWN: list[tuple[str, Fault, int]] = [
    ("read timeout, sent", answer_lost(ReadTimeoutError), 1),
    ("read timeout, not sent", never_arrives(ReadTimeoutError), 0),
    ("closed, sent", answer_lost(ConnectionClosedError), 1),
    ("closed, not sent", never_arrives(ConnectionClosedError), 0),
    ("ssl", never_arrives(SSLError), 0),
    ("broken http", answer_lost(HTTPClientError), 1),
    ("internal error", answers("InternalFailure", 500), 0),
    ("unavailable", answers("ServiceUnavailable", 503), 0),
]


def ids(cases: list[Any]) -> list[str]:
    return [case[0] for case in cases]


@pytest.mark.parametrize("refusal", [case[1] for case in REFUSED], ids=ids(REFUSED))
def test_a_mail_refused_for_good_is_rejected_after_one_try(
    confirmed: Cloud, wire: Wire, output: Output, refusal: Fault
) -> None:
    wire.fault("SendEmail", refusal)
    with pytest.raises(EmailRejected) as refused:
        run(send_confirmation)
    assert told(confirmed) == ("REJECTED", 0)
    assert reason(confirmed) == str(refused.value)
    assert confirmed.status() == ("CONFIRMED", 1)
    assert len(wire.of("SendEmail")) == 1
    assert output.counted == {"MailsRefused": 1}


def test_a_refused_mail_is_sent_when_the_order_is_published_again_and_the_address_verified(
    confirmed: Cloud, wire: Wire, output: Output
) -> None:
    wire.fault("SendEmail", answers("MessageRejected", message=NOT_VERIFIED), times=1)
    with pytest.raises(EmailRejected):
        run(send_confirmation)
    run(send_confirmation, attempt=2, invocation="invocation-2")
    assert told(confirmed) == ("SENT", 1)
    assert output.counted == {"MailsRefused": 1, "MailsSent": 1}


@pytest.mark.parametrize("fault", [case[1] for case in NOT_SENT], ids=ids(NOT_SENT))
def test_a_mail_that_surely_has_not_left_is_pending_and_worth_another_try(
    confirmed: Cloud, wire: Wire, output: Output, fault: Fault
) -> None:
    wire.fault("SendEmail", fault, times=1)
    with pytest.raises(TransientError, match=r"^SES: ") as not_sent:
        run(send_confirmation)
    assert told(confirmed) == ("PENDING", 0)
    assert reason(confirmed) == str(not_sent.value)
    assert len(wire.of("SendEmail")) == 1
    assert output.counted == {}
    run(send_confirmation, invocation="invocation-2")
    assert told(confirmed) == ("SENT", 1)


@pytest.mark.parametrize(("fault", "mails"), [(fault, mails) for _, fault, mails in UNKNOWN], ids=ids(UNKNOWN))
def test_a_mail_that_may_have_left_is_unknown_and_never_sent_again_by_itself(
    confirmed: Cloud, wire: Wire, output: Output, fault: Fault, mails: int
) -> None:
    wire.fault("SendEmail", fault, times=1)
    with pytest.raises(EmailOutcomeUnknown, match=r"^SES: ") as unknown:
        run(send_confirmation)
    assert told(confirmed) == ("UNKNOWN", mails)
    assert reason(confirmed) == str(unknown.value)
    assert len(wire.of("SendEmail")) == 1
    with pytest.raises(EmailOutcomeUnknown):
        run(send_confirmation, invocation="invocation-2")
    assert told(confirmed) == ("UNKNOWN", mails)
    assert output.counted == {"MailsUnknown": 1}


@pytest.mark.parametrize(
    ("answer", "mails"),
    [(None, 1), (answers("ThrottlingException"), 0), (answers("MessageRejected"), 0), (answers("Internal", 500), 0)],
    ids=["sent", "not sent", "refused", "unknown"],
)
def test_an_outcome_that_cannot_be_written_down_becomes_unknown(
    confirmed: Cloud, wire: Wire, answer: Fault | None, mails: int
) -> None:
    if answer:
        wire.fault("SendEmail", answer)
    wire.fault("UpdateItem", answers("InternalServerError", 500), skip=1, times=3)
    with pytest.raises(TransientError):
        run(send_confirmation)
    assert told(confirmed) == ("SENDING", mails)
    with pytest.raises(EmailOutcomeUnknown):
        run(send_confirmation, invocation="invocation-2")
    assert told(confirmed) == ("UNKNOWN", mails)


def test_a_lost_answer_to_the_outcome_is_written_once(confirmed: Cloud, wire: Wire) -> None:
    wire.fault("UpdateItem", answer_lost(ReadTimeoutError), skip=1, times=1)
    run(send_confirmation)
    assert told(confirmed) == ("SENT", 1)


def test_a_slow_sender_corrects_what_was_taken_for_unknown_meanwhile(confirmed: Cloud, wire: Wire) -> None:
    def impatient() -> None:
        with pytest.raises(EmailOutcomeUnknown):
            run(send_confirmation, invocation="invocation-2")
        assert confirmed.email() == "UNKNOWN"

    wire.fault("SendEmail", meanwhile(impatient))
    run(send_confirmation, invocation="invocation-1")
    assert told(confirmed) == ("SENT", 1)


@pytest.mark.parametrize("answer", ["MessageRejected", "ThrottlingException"])
def test_a_slow_sender_whose_mail_did_not_leave_leaves_it_unknown(confirmed: Cloud, wire: Wire, answer: str) -> None:
    """Somebody may have begun to look into it; the next try says so, and no other mail leaves."""

    def impatient() -> None:
        with pytest.raises(EmailOutcomeUnknown):
            run(send_confirmation, invocation="invocation-2")

    def slow(request: Any, answer_of_ses: Callable[[], Any]) -> Any:
        impatient()
        return answers(answer)(request, answer_of_ses)

    wire.fault("SendEmail", slow, times=1)
    with pytest.raises(Exception, match=r".+"):
        run(send_confirmation, invocation="invocation-1")
    with pytest.raises(EmailOutcomeUnknown):
        run(send_confirmation, invocation="invocation-3")
    assert told(confirmed) == ("UNKNOWN", 0)


# ------------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "said",
    [
        NOT_VERIFIED,
        f"Missing final '@domain': {CUSTOMER.upper()}",
        f"Illegal address <{CUSTOMER}>",
        'Local address contains control or whitespace: "a b"@example.com',
        f"User: arn:aws:sts::123456789012:assumed-role/x is not authorized on identity/{CUSTOMER}",
        "Domain contains illegal character: küstomer@exämple.com",
    ],
)
def test_an_address_that_ses_quotes_reaches_neither_the_error_nor_the_log(
    confirmed: Cloud, wire: Wire, output: Output, said: str
) -> None:
    wire.fault("SendEmail", answers("MessageRejected", message=said))
    with pytest.raises(EmailRejected) as refusal:
        run(send_confirmation)
    row = confirmed.order()
    assert row is not None
    for text in (str(refusal.value), row["email_error"], output.text):
        for part in (CUSTOMER, CUSTOMER.upper(), SENDER, "third@", "@example", "@exämple"):
            assert part not in text


def test_the_error_still_says_whose_address_it_is(confirmed: Cloud, wire: Wire) -> None:
    wire.fault("SendEmail", answers("MessageRejected", message=f"Email address is not verified: {CUSTOMER}, {SENDER}"))
    with pytest.raises(
        EmailRejected, match=r"^SES: MessageRejected: Email address is not verified: the recipient, the sender$"
    ):
        run(send_confirmation)
    assert told(confirmed) == ("REJECTED", 0)


def test_a_long_complaint_is_cut_so_that_the_row_stays_cheap(confirmed: Cloud, wire: Wire) -> None:
    wire.fault("SendEmail", answers("MessageRejected", message="x" * 2_000))
    with pytest.raises(EmailRejected):
        run(send_confirmation)
    row = confirmed.order()
    assert row is not None
    assert len(row["email_error"]) == 500


def test_an_error_of_ses_without_a_message_is_an_error_all_the_same(confirmed: Cloud, wire: Wire) -> None:
    wire.fault("SendEmail", answers("MessageRejected", message=""))
    with pytest.raises(EmailRejected, match=r"^SES: MessageRejected: "):
        run(send_confirmation)
    assert told(confirmed) == ("REJECTED", 0)


# ------------------------------------------------------------------------------------------- events of SES


def tags(cloud: Cloud, wire: Wire) -> dict[str, str]:
    """The tags of the one mail that was sent."""
    assert len(cloud.mails()) == 1
    (request,) = wire.of("SendEmail")
    return {tag["Name"]: tag["Value"] for tag in request["EmailTags"]}


def test_a_mail_bears_its_claim_and_its_order_so_that_ses_can_tell_of_it(confirmed: Cloud, wire: Wire) -> None:
    run(send_confirmation)
    row = confirmed.order()
    assert row is not None
    assert tags(confirmed, wire) == {"claim": row["email_claim"], "order_id": "12345"}
    assert "ConfigurationSetName" not in wire.of("SendEmail")[0]


def test_the_stacks_configuration_set_is_named_where_there_is_one(
    confirmed: Cloud, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFIGURATION_SET", "order-processing-prod")
    open_mailer.cache_clear()
    run(send_confirmation)
    assert told(confirmed) == ("SENT", 1)
    assert wire.of("SendEmail")[0]["ConfigurationSetName"] == "order-processing-prod"


LEFT = ["SENT", "DELIVERED", "BOUNCED", "COMPLAINED"]
KIND = {
    "SENT": "Email Sent",
    "DELIVERED": "Email Delivered",
    "BOUNCED": "Email Bounced",
    "COMPLAINED": "Email Complaint Received",
    "REJECTED": "Email Rejected",
}


def event(email_status: str) -> None:
    """SES's event of the mail of "invocation-1"."""
    assert track_email(sqs_event(mail_event(KIND[email_status])), LambdaContext()) == {"batchItemFailures": []}


@pytest.mark.parametrize("email_status", LEFT)
def test_a_mail_that_has_left_is_done_whatever_became_of_it(
    confirmed: Cloud, output: Output, email_status: str
) -> None:
    confirmed.put_order("CONFIRMED", 1, email_status=email_status, email_claim="earlier")
    run(send_confirmation)
    assert told(confirmed) == (email_status, 0)
    assert output.counted == {}


@pytest.mark.parametrize("email_status", LEFT)
def test_an_event_that_is_faster_than_the_answer_loses_nothing(
    confirmed: Cloud, wire: Wire, output: Output, email_status: str
) -> None:
    wire.fault("UpdateItem", meanwhile(lambda: event(email_status)), skip=1, times=1)
    run(send_confirmation)
    assert told(confirmed) == (email_status, 1)
    row = confirmed.order()
    assert row is not None
    assert row["email_message_id"] == (confirmed.mails()[0].id if email_status == "SENT" else "0101-mail")
    assert output.counted["MailsSent"] == 1
    assert output.answered == 0


@pytest.mark.parametrize("email_status", LEFT)
def test_an_answer_that_is_lost_is_no_loss_once_an_event_has_told_that_the_mail_left(
    confirmed: Cloud, wire: Wire, output: Output, email_status: str
) -> None:
    wire.fault("SendEmail", answer_lost(ReadTimeoutError), times=1)
    wire.fault("UpdateItem", meanwhile(lambda: event(email_status)), skip=1, times=1)
    run(send_confirmation)
    assert told(confirmed) == (email_status, 1)
    assert output.counted["MailsSent"] == 1
    assert "MailsUnknown" not in output.counted


@pytest.mark.parametrize("answer", [None, answers("Internal", 500)], ids=["sent", "unknown"])
def test_a_mail_that_ses_rejects_after_it_has_taken_it_is_refused(
    confirmed: Cloud, wire: Wire, output: Output, answer: Fault | None
) -> None:
    if answer:
        wire.fault("SendEmail", answer)
    wire.fault("UpdateItem", meanwhile(lambda: event("REJECTED")), skip=1, times=1)
    with pytest.raises(EmailRejected, match=r"^SES rejected the mail for order '12345' after it had taken it$"):
        run(send_confirmation)
    assert confirmed.email() == "REJECTED"
    assert output.counted == {"MailsRefused": 1}


def test_a_mail_that_ses_rejected_after_it_had_taken_it_is_sent_again_by_a_person_alone(
    confirmed: Cloud, output: Output
) -> None:
    """Its execution may have succeeded, so that nothing would show what an automatic try left behind."""
    run(send_confirmation)
    event("REJECTED")
    rejected = confirmed.order()
    for attempt in (1, 2):
        with pytest.raises(EmailRejected, match=r"^SES rejected the mail for order '12345' after it had taken it$"):
            run(send_confirmation, attempt=attempt, invocation=f"invocation-{attempt + 1}")
    assert confirmed.order() == rejected
    assert len(confirmed.mails()) == 1
    assert output.counted == {"MailsSent": 1, "MailsRefused": 1}


@pytest.mark.parametrize("email_status", LEFT)
@pytest.mark.parametrize("code", ["MessageRejected", "ThrottlingException"])
def test_an_event_that_contradicts_the_answer_is_not_overwritten_and_the_answer_still_told(
    confirmed: Cloud, wire: Wire, output: Output, email_status: str, code: str
) -> None:
    """It cannot be, by all that SES documents; then at least nothing goes back, and nothing is silent."""
    wire.fault("SendEmail", answers(code))
    wire.fault("UpdateItem", meanwhile(lambda: event(email_status)), skip=1, times=1)
    with pytest.raises((EmailRejected, TransientError), match=f"^SES: {code}"):
        run(send_confirmation)
    assert confirmed.email() == email_status
    assert "MailsRefused" not in output.counted
    run(send_confirmation, invocation="invocation-2")
    assert told(confirmed) == (email_status, 0)


@pytest.mark.parametrize("answer", [None, answers("Internal", 500)], ids=["sent", "unknown"])
@pytest.mark.parametrize(
    "row",
    [{"email_status": "SENDING", "email_claim": "other"}, {"email_status": "SENT", "email_claim": "other"}, {}],
    ids=["another's", "another's, sent", "nobody's"],
)
def test_a_mail_whose_row_has_been_given_to_another_is_unknown(
    confirmed: Cloud, wire: Wire, answer: Fault | None, row: dict[str, str]
) -> None:
    if answer:
        wire.fault("SendEmail", answer)
    wire.fault("UpdateItem", meanwhile(lambda: confirmed.put_order("CONFIRMED", 1, **row)), skip=1, times=1)
    with pytest.raises(EmailOutcomeUnknown, match=r"its row has another one$"):
        run(send_confirmation)
    assert confirmed.email() == row.get("email_status")


def test_a_reason_that_is_no_longer_true_goes_with_the_mail_that_was_sent_after_all(
    confirmed: Cloud, wire: Wire
) -> None:
    def impatient() -> None:
        with pytest.raises(EmailOutcomeUnknown):
            run(send_confirmation, invocation="invocation-2")

    wire.fault("SendEmail", meanwhile(impatient))
    run(send_confirmation)
    row = confirmed.order()
    assert row is not None
    assert row["email_status"] == "SENT"
    assert "email_error" not in row


# ------------------------------------------------------------------------------------------------------------ time


def test_the_time_from_the_executions_start_to_the_mail_is_told_on_the_orders_line(
    confirmed: Cloud, output: Output
) -> None:
    started = datetime.now(UTC) - timedelta(seconds=90)
    send_confirmation(step_event(execution_input()) | {"timing": {"StartTime": started.isoformat()}}, LambdaContext())
    assert told(confirmed) == ("SENT", 1)
    ((name, seconds),) = output.seconds
    assert name == "SecondsToMail"
    assert 90 <= seconds < 120
    assert [(line["order_id"], line["attempt"]) for line in output.metrics] == [("12345", 1)]


def test_a_redriven_execution_has_no_time_to_its_mail_since_it_lay_there_for_hours(
    confirmed: Cloud, output: Output
) -> None:
    timing = {"StartTime": "2026-01-01T00:00:00.000Z", "RedriveCount": 1}
    send_confirmation(step_event(execution_input()) | {"timing": timing}, LambdaContext())
    assert told(confirmed) == ("SENT", 1)
    assert (output.counted, output.seconds) == ({"MailsSent": 1}, [])


@pytest.mark.parametrize("not_redriven", [{}, {"RedriveCount": 0}, {"RedriveCount": None}], ids=str)
def test_an_execution_that_was_never_redriven_has_a_time_to_its_mail(
    confirmed: Cloud, output: Output, not_redriven: dict[str, Any]
) -> None:
    """AWS counts from 0; the local AWS does not count at all."""
    timing = {"StartTime": "2026-01-01T00:00:00.000Z", **not_redriven}
    send_confirmation(step_event(execution_input()) | {"timing": timing}, LambdaContext())
    assert told(confirmed) == ("SENT", 1)
    assert [name for name, _ in output.seconds] == ["SecondsToMail"]


def by_hand(status: str | None, claim: str | None) -> dict[str, Any]:
    """What `orders email resend` hands to the function, with the try of the mail that it has read."""
    order, over = {"order_id": "12345", "attempt": 1}, {"status": status, "claim": claim}
    return {"order": order, "execution": "resend", "state": "SendConfirmation", "retry_count": 0, "over": over}


@pytest.mark.parametrize(
    ("status", "earlier"),
    [("PENDING", None), ("REJECTED", None), *((left, left) for left in ("SENDING", "UNKNOWN", "SENT", "BOUNCED"))],
)
def test_a_person_can_have_a_mail_sent_over_the_try_that_was_read(
    confirmed: Cloud, status: str, earlier: str | None
) -> None:
    """That an earlier one may be out is kept, whatever becomes of this one."""
    confirmed.put_order("CONFIRMED", 1, email_status=status, email_claim="read", email_message_id="m-0")
    send_confirmation(by_hand(status, "read"), LambdaContext())
    row = confirmed.order()
    assert row is not None
    assert (row["email_status"], row.get("email_earlier")) == ("SENT", earlier)


def test_a_person_has_no_mail_sent_over_a_try_that_nobody_has_read(confirmed: Cloud) -> None:
    confirmed.put_order("CONFIRMED", 1, email_status="SENDING", email_claim="newer")
    with pytest.raises(TransientError, match="another invocation is at this mail"):
        send_confirmation(by_hand("REJECTED", "read"), LambdaContext())
    assert told(confirmed) == ("SENDING", 0)


@pytest.mark.parametrize("status", ["PENDING", "REJECTED"])
def test_where_an_earlier_mail_may_be_out_only_a_person_has_another_sent(confirmed: Cloud, status: str) -> None:
    confirmed.put_order("CONFIRMED", 1, email_status=status, email_claim="by hand", email_earlier="DELIVERED")
    with pytest.raises(EmailRejected, match="by hand alone"):
        run(send_confirmation)
    assert told(confirmed) == (status, 0)


def test_a_person_can_have_the_mail_sent_by_no_more_than_the_orders_id(confirmed: Cloud, output: Output) -> None:
    """What `orders email resend` hands to the function: no execution has started, so that no time is told."""
    send_confirmation(by_hand(None, None), LambdaContext())
    assert told(confirmed) == ("SENT", 1)
    assert (output.counted, output.seconds) == ({"MailsSent": 1}, [])


def test_a_mail_that_did_not_leave_has_no_time(confirmed: Cloud, wire: Wire, output: Output) -> None:
    wire.fault("SendEmail", answers("ThrottlingException"), times=1)
    with pytest.raises(TransientError):
        run(send_confirmation)
    assert told(confirmed) == ("PENDING", 0)
    assert output.seconds == []


# --------------------------------------------------------------------------------------------------------- budget


def test_a_mail_takes_two_writes_of_one_row_and_one_call_to_ses(confirmed: Cloud, wire: Wire) -> None:
    run(send_confirmation)
    assert [request.operation for request in wire.requests] == ["UpdateItem", "SendEmail", "UpdateItem"]
    assert told(confirmed) == ("SENT", 1)
