"""Addresses, the sandbox and an order's mail sent again, before a SES and a Lambda that answer as told."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from ops.errors import Refused, StackError
from ops.mail.addresses import Address, Mail, Suppression, may_have_left, order_mail, resend_mail, why_no_mail
from ops.stack import Stack
from ops.tables.order_row import OrderRow
from tests.clients import pose_as_client
from tests.ops.moto_stack import moto_stack, put, rows

BOB = "bob@example.com"
SINCE = datetime(2026, 11, 1, tzinfo=UTC)


class _NotFound(Exception):
    pass


class _AlreadyExists(Exception):
    pass


@dataclass
class Ses:
    """SES v2 as far as it is asked; `statuses` are the identities', `pages` how many a listing's page holds."""

    statuses: dict[str, str] = field(default_factory=dict)
    suppressed: dict[str, str] = field(default_factory=dict)
    account: dict[str, Any] = field(default_factory=dict)
    page: int = 1000
    since: datetime = SINCE

    class exceptions:  # noqa: N801 - boto3's name
        NotFoundException = _NotFound
        AlreadyExistsException = _AlreadyExists

    def get_account(self) -> dict[str, Any]:
        return self.account

    def create_email_identity(self, EmailIdentity: str) -> None:  # noqa: N803 - boto3's names
        if EmailIdentity in self.statuses:
            raise _AlreadyExists
        self.statuses[EmailIdentity] = "PENDING"

    def get_email_identity(self, EmailIdentity: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if EmailIdentity not in self.statuses:
            raise _NotFound
        return {"VerificationStatus": self.statuses[EmailIdentity]}

    def list_email_identities(self, PageSize: int, NextToken: str = "0") -> dict[str, Any]:  # noqa: N803, ARG002 - boto3's names, as it is called
        start = int(NextToken)
        names = list(self.statuses)[start : start + self.page]
        more = start + self.page < len(self.statuses)
        return {
            "EmailIdentities": [{"IdentityName": n, "VerificationStatus": self.statuses[n]} for n in names],
            **({"NextToken": str(start + self.page)} if more else {}),
        }

    def get_suppressed_destination(self, EmailAddress: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if EmailAddress not in self.suppressed:
            raise _NotFound
        return {"SuppressedDestination": {"Reason": self.suppressed[EmailAddress], "LastUpdateTime": self.since}}


# ---------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("identities", "found"),
    [
        ({}, Address(BOB, None, None)),
        ({BOB: "SUCCESS"}, Address(BOB, BOB, "SUCCESS")),
        ({BOB: "PENDING"}, Address(BOB, BOB, "PENDING")),
        ({"example.com": "SUCCESS"}, Address(BOB, "example.com", "SUCCESS")),
        ({"example.com": "PENDING"}, Address(BOB, None, None)),
        ({"com": "SUCCESS"}, Address(BOB, None, None)),
    ],
)
def test_an_address_is_vouched_for_by_itself_or_by_its_domain(identities: dict[str, str], found: Address) -> None:
    assert Mail(pose_as_client(Ses(identities))).address(BOB) == found


def test_every_identity_is_listed_however_many_pages_they_take() -> None:
    ses = Ses({f"{name}@example.com": "SUCCESS" for name in "cab"}, page=2)
    assert [one.address for one in Mail(pose_as_client(ses)).identities()] == [
        "a@example.com",
        "b@example.com",
        "c@example.com",
    ]


def test_a_new_address_is_mailed_its_link() -> None:
    again: list[str] = []
    assert Mail(pose_as_client(Ses())).verify(BOB, again.append).status == "PENDING"
    assert again == []


def test_an_address_whose_link_was_not_followed_is_mailed_it_again() -> None:
    again: list[str] = []
    assert Mail(pose_as_client(Ses({BOB: "PENDING"}))).verify(BOB, again.append).status == "PENDING"
    assert again == [BOB]


@pytest.mark.parametrize("verified", [BOB, "example.com"])
def test_an_address_that_is_verified_is_not_bothered(verified: str) -> None:
    ses, again = Ses({verified: "SUCCESS"}), list[str]()
    assert Mail(pose_as_client(ses)).verify(BOB, again.append).is_verified
    assert (again, list(ses.statuses)) == ([], [verified])


def test_waiting_ends_when_the_link_was_followed() -> None:
    ses, pauses = Ses({BOB: "PENDING"}), list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            ses.statuses[BOB] = "SUCCESS"

    assert Mail(pose_as_client(ses)).wait_until_verified(BOB, pause).is_verified
    assert len(pauses) == 3


def test_waiting_ends_when_ses_has_given_up_on_the_link() -> None:
    with pytest.raises(Refused, match="FAILED; its link was not followed in time"):
        Mail(pose_as_client(Ses({BOB: "FAILED"}))).wait_until_verified(BOB, lambda _seconds: None)


def test_the_account_tells_its_sandbox_its_quota_and_what_became_of_the_request() -> None:
    answer = {
        "ProductionAccessEnabled": False,
        "SendingEnabled": True,
        "EnforcementStatus": "PROBATION",
        "SendQuota": {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 7.0},
        "Details": {"ReviewDetails": {"Status": "DENIED"}},
    }
    account = Mail(pose_as_client(Ses(account=answer))).account()
    assert (account.in_sandbox, account.sending_enabled, account.enforcement) == (True, True, "PROBATION")
    assert (account.most_in_24_hours, account.most_in_a_second, account.sent_in_24_hours) == (200, 1.0, 7)
    assert account.review == "DENIED"


def test_a_suppressed_address_says_why_and_since_when() -> None:
    mail = Mail(pose_as_client(Ses(suppressed={BOB: "COMPLAINT"})))
    assert mail.suppression(BOB) == Suppression("COMPLAINT", SINCE)
    assert mail.suppression("other@example.com") is None


# ---------------------------------------------------------------------------------------------------- sending again


def order_of(mail: str | None, status: str | None = "CONFIRMED", **fields: Any) -> OrderRow:
    known: dict[str, Any] = {"attempt": 1, "customer_email": BOB, "email_status": mail}
    return OrderRow("12345", status, **known | fields)


def suppressed(_address: str) -> Suppression | None:
    return Suppression("BOUNCE", SINCE)


def delivered(_address: str) -> Suppression | None:
    return None


@pytest.mark.parametrize("mail", [None, "PENDING", "REJECTED", "UNKNOWN", "SENT", "DELIVERED", "BOUNCED"])
def test_the_mail_of_a_confirmed_order_may_be_sent_again(mail: str | None) -> None:
    assert why_no_mail(order_of(mail), delivered) is None


def test_a_mail_whose_sender_never_came_back_may_be_sent_again_and_is_asked_about() -> None:
    order = order_of("SENDING", updated_at=datetime.now(UTC) - timedelta(minutes=11))
    assert why_no_mail(order, delivered) is None
    assert may_have_left(order)


@pytest.mark.parametrize(
    ("order", "suppression", "reason"),
    [
        (order_of("SENDING", updated_at=datetime(2100, 1, 1, tzinfo=UTC)), delivered, "look again in a minute"),
        (order_of("SENDING"), delivered, "is being sent; look again in a minute"),
        (order_of("COMPLAINED"), delivered, "has complained"),
        (order_of("BOUNCED"), suppressed, "suppression list (BOUNCE since 2026-11-01 UTC)"),
        (order_of(None, "FAILED"), delivered, "it is FAILED, and only a CONFIRMED order has a mail"),
        (order_of(None, None), delivered, "it is without a status"),
    ],
)
def test_a_mail_that_must_not_be_sent_again_says_why(
    order: OrderRow, suppression: Callable[[str], Suppression | None], reason: str
) -> None:
    assert reason in (why_no_mail(order, suppression) or "")


@pytest.mark.parametrize(
    ("mail", "may_have"),
    [(None, False), ("PENDING", False), ("REJECTED", False), ("UNKNOWN", True), ("SENT", True), ("BOUNCED", True)],
)
def test_only_a_mail_that_may_have_left_is_asked_about(mail: str | None, may_have: bool) -> None:
    assert may_have_left(order_of(mail)) == may_have


@dataclass
class Function:
    """Lambda with the one function in it: it answers what it is told, after it has done what it is told."""

    raised: dict[str, str] | None = None
    does: Callable[[], None] = lambda: None
    payloads: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert FunctionName == "send-email"
        self.payloads.append(json.loads(Payload))
        self.does()
        failed = {"FunctionError": "Unhandled"} if self.raised else {}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(self.raised).encode()), **failed}


@pytest.fixture
def stack() -> Iterator[Stack]:
    with moto_stack(tables=True) as made:
        outputs = {**made.outputs, "SendEmailFunctionArn": "send-email"}
        yield Stack(made.name, made.region, made.aws, outputs)


def lay(stack: Stack, function: Function, **attributes: str) -> OrderRow:
    """Put a confirmed order with these attributes, and the function; give the order as it is read."""
    stack._clients["lambda"] = function
    texts = {name: {"S": value} for name, value in attributes.items()}
    put(stack, "OrdersTableName", order_id={"S": "12345"}, status={"S": "CONFIRMED"}, attempt={"N": "2"}, **texts)
    return order_mail(stack, "12345")


def the_row(stack: Stack) -> dict[str, str]:
    (found,) = rows(stack, "OrdersTableName")
    return {name: value["S"] for name, value in found.items() if "S" in value}


def test_a_mail_is_sent_by_the_function_over_the_try_that_was_read(stack: Stack) -> None:
    function = Function()
    order = lay(stack, function, email_status="SENT", email_claim="first", email_message_id="m-1")
    before = the_row(stack)

    resend_mail(stack, order)

    assert the_row(stack) == before  # until the function claims it, events of the first mail count
    assert function.payloads == [
        {
            "order": {"order_id": "12345", "attempt": 2},
            "execution": "orders email resend",
            "state": "SendConfirmation",
            "retry_count": 0,
            "over": {"status": "SENT", "claim": "first"},
        }
    ]


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ({"errorType": "EmailRejected", "errorMessage": "SES: MessageRejected"}, "was not sent: SES: MessageRejected"),
        ({"errorType": "EmailOutcomeUnknown", "errorMessage": "answer lost"}, "unknown whether the mail left: answer"),
        ({"errorType": "TransientError", "errorMessage": "SES: Throttling"}, "has not left: SES: Throttling; `orders"),
        ({"errorType": "KeyError", "errorMessage": "'x'"}, "SendEmail failed: KeyError: 'x'"),
        ({"message": "odd"}, 'SendEmail failed: {"message": "odd"}'),
    ],
)
def test_what_the_function_raised_is_told(stack: Stack, raised: dict[str, str], told: str) -> None:
    order = lay(stack, Function(raised))
    with pytest.raises(Refused) as refused:
        resend_mail(stack, order)
    assert told in str(refused.value)


def test_a_function_out_of_reach_leaves_the_mail_as_it_was(stack: Stack) -> None:
    def out_of_reach() -> None:
        raise ReadTimeoutError(endpoint_url="lambda")

    order = lay(stack, Function(does=out_of_reach), email_status="REJECTED", email_claim="first")
    with pytest.raises(StackError, match="`orders email resend 12345` can be run again"):
        resend_mail(stack, order)
    assert the_row(stack)["email_status"] == "REJECTED"


def test_an_order_without_a_row_has_no_mail(stack: Stack) -> None:
    with pytest.raises(Refused, match="order 'nothing' has no row"):
        order_mail(stack, "nothing")
