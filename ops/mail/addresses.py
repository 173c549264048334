"""SES for an operator: verified and suppressed addresses, the sandbox, and sending an order's mail again."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from functions.shared import row
from ops.contract.kinds import Count
from ops.errors import Refused, StackError
from ops.shell import quote_command
from ops.stack import Stack, explain_errors
from ops.tables.attributes import in_words
from ops.tables.order_row import OrderRow

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

VERIFIED: Final = "SUCCESS"

# A function that sends a mail lives for 58 s, and its next try finds what it left; this is far beyond both.
SENDING_TOO_LONG: Final = timedelta(minutes=10)
# SES expects its own caller to look about so often; the link in its mail is good for a day.
_POLL_SECONDS: Final = 5.0

Verification = Annotated[str, ("enum", ("SUCCESS", "PENDING", "FAILED", "TEMPORARY_FAILURE", "NOT_STARTED"))]


@dataclass(frozen=True)
class Suppression:
    """Why SES delivers nothing to an address."""

    reason: Annotated[str, ("enum", ("BOUNCE", "COMPLAINT"))]
    """The reason it is on the account's suppression list"""
    since: datetime
    """Since when, ISO 8601"""

    def __str__(self) -> str:
        return f"{self.reason} since {self.since:%Y-%m-%d} UTC"


@dataclass(frozen=True)
class Address:
    """An address or a domain, and what SES knows of it."""

    address: str
    """The address, or the domain"""
    identity: str | None
    """The identity that vouches for it: itself, or its domain; null if SES knows neither"""
    status: Verification | None
    """How far its verification is; null without an identity"""
    suppression: Suppression | None = None
    """Why SES delivers nothing to it; null if it does, or where the address was not named"""

    @property
    def is_verified(self) -> bool:
        """Whether SES sends from it, and in the sandbox to it."""
        return self.status == VERIFIED


@dataclass(frozen=True)
class SesAccount:
    """The limits and state of this account in SES, in this region."""

    in_sandbox: bool
    """Whether mail leaves for verified addresses and domains only"""
    sending_enabled: bool
    """False while sending is paused: SES then refuses every mail"""
    enforcement: str
    """The account's state at SES: HEALTHY, PROBATION (under review) or SHUTDOWN"""
    most_in_24_hours: Annotated[int, ("minimum", -1)]
    """Mails in 24 hours; -1 if there is no limit"""
    most_in_a_second: Annotated[float, ("minimum", 0)]
    """Mails a second"""
    sent_in_24_hours: Count
    """Of them, those sent in the last 24 hours"""
    review: Annotated[str, ("enum", ("PENDING", "FAILED", "GRANTED", "DENIED"))] | None
    """The outcome of the request to leave the sandbox; null if none was made"""


class Mail:
    """SES, by the account that the stack is in."""

    def __init__(self, ses: "SESV2Client") -> None:
        self._ses = ses

    def account(self) -> SesAccount:
        """Return what SES allows."""
        answer = self._ses.get_account()
        quota = answer.get("SendQuota", {})
        return SesAccount(
            in_sandbox=not answer.get("ProductionAccessEnabled", False),
            sending_enabled=answer.get("SendingEnabled", False),
            enforcement=answer.get("EnforcementStatus", "HEALTHY"),
            most_in_24_hours=int(quota.get("Max24HourSend", 0)),
            most_in_a_second=float(quota.get("MaxSendRate", 0)),
            sent_in_24_hours=int(quota.get("SentLast24Hours", 0)),
            review=answer.get("Details", {}).get("ReviewDetails", {}).get("Status"),
        )

    def identities(self) -> list[Address]:
        """Return every address and domain that SES knows, by name."""
        found = list(self._list_identities())
        return sorted(found, key=lambda identity: identity.address)

    def address(self, address: str) -> Address:
        """Return what vouches for an address: itself, or else its domain or one above it."""
        return find_voucher(address, self._read_status)

    def suppression(self, address: str) -> Suppression | None:
        """Return why SES delivers nothing to an address; None if it does."""
        try:
            answer = self._ses.get_suppressed_destination(EmailAddress=address)["SuppressedDestination"]
        except self._ses.exceptions.NotFoundException:
            return None
        return Suppression(answer["Reason"], answer["LastUpdateTime"].astimezone(UTC))

    def verify(self, address: str, mail_link_again: Callable[[str], object]) -> Address:
        """Have SES mail an address its link, again if the last one was not followed; verified already is left alone."""
        known = self.address(address)
        if known.is_verified:
            return known
        try:
            self._ses.create_email_identity(EmailIdentity=address)
        except self._ses.exceptions.AlreadyExistsException:
            mail_link_again(address)
        return self.address(address)

    def wait_until_verified(self, address: str, pause: Callable[[float], None]) -> Address:
        """Look again until the link was followed.

        Raises:
            Refused: SES has given up on the link, which is good for a day.
        """
        while not (known := self.address(address)).is_verified:
            if known.status not in ("PENDING", "TEMPORARY_FAILURE"):
                raise Refused(
                    f"{address}: {known.status or 'gone'}; its link was not followed in time: verify it again"
                )
            pause(_POLL_SECONDS)
        return known

    def _read_status(self, identity: str) -> str | None:
        try:
            answer = self._ses.get_email_identity(EmailIdentity=identity)
        except self._ses.exceptions.NotFoundException:
            return None
        return _status_of(answer, "VerifiedForSendingStatus")

    def _list_identities(self) -> Iterator[Address]:
        answer = self._ses.list_email_identities(PageSize=1000)
        while True:  # botocore has no paginator for it
            for identity in answer.get("EmailIdentities", ()):
                name = identity["IdentityName"]
                yield Address(name, name, _status_of(identity, "SendingEnabled"))
            if not answer.get("NextToken"):
                return
            answer = self._ses.list_email_identities(PageSize=1000, NextToken=answer["NextToken"])


def find_voucher(address: str, read_status: Callable[[str], str | None]) -> Address:
    """Find what vouches for an address among the identities whose status can be read, None for what is none."""
    for name in _list_vouchers(address):
        if (status := read_status(name)) and (name == address or status == VERIFIED):
            return Address(address, name, status)
    return Address(address, None, None)


# The attributes that sending a mail again depends on.
_MAILS_OWN: Final = frozenset({"status", "attempt", "customer_email", "email_status", "email_claim"})


def order_mail(stack: Stack, order_id: str) -> OrderRow:
    """Read an order's row.

    Raises:
        Refused: there is none.
    """
    answer = stack.client("dynamodb").get_item(
        TableName=stack["OrdersTableName"], Key=row.make_key(order_id), ConsistentRead=True
    )
    if "Item" not in answer:
        raise Refused(f"order {order_id!r} has no row")
    return OrderRow.from_item(answer["Item"])


def is_being_sent(order: OrderRow) -> bool:
    """Whether somebody may be sending its mail at this moment."""
    fresh = order.updated_at is None or datetime.now(UTC) - order.updated_at <= SENDING_TOO_LONG
    return order.email_status == row.MAIL_SENDING and fresh


def may_have_left(order: OrderRow) -> bool:
    """Whether another mail might be the customer's second."""
    return order.email_earlier is not None or order.mail_try.may_have_left


def why_no_mail(order: OrderRow, suppression: Callable[[str], Suppression | None]) -> str | None:
    """Say why an order's mail must not be sent again; None if it may. A bounced one's address is looked up."""
    if odd := tuple(problem for problem in order.problems if problem.attribute in _MAILS_OWN):
        return f"its row is odd: {in_words(odd)}; correct it first"
    if order.status != row.CONFIRMED:
        return f"it is {order.status or 'without a status'}, and only a CONFIRMED order has a mail"
    if is_being_sent(order):
        return "its mail is being sent; look again in a minute"
    if order.email_status == row.MAIL_COMPLAINED:
        return "the customer has complained about its mail"
    bounced = order.customer_email if order.email_status == row.MAIL_BOUNCED else None
    if bounced and (held := suppression(bounced)):
        return (
            f"its address is on the account's suppression list ({held}):"
            " SES would not deliver it. See `aws sesv2 delete-suppressed-destination`"
        )
    return None


def resend_mail(stack: Stack, order: OrderRow) -> OrderRow:
    """Send an order's mail by the very function that sends all mails, and return the order as it is then.

    The function claims it over exactly the try that was read. Until then the row says what it said, and SES's events of
    an earlier mail still count.

    Raises:
        Refused: the row has changed since it was read, or the mail was not sent, with the reason.
        StackError: the function could not be invoked.
    """
    try:
        with explain_errors():
            answer = stack.client("lambda").invoke(
                FunctionName=stack["SendEmailFunctionArn"], Payload=json.dumps(_make_payload(order)).encode()
            )
    except StackError as error:
        raise StackError(
            f"{error}\nthe mail's function could not be invoked: no mail is known to have left,"
            f" and {_resend_command(order)} can be run again"
        ) from error
    content = answer["Payload"].read()
    if answer.get("FunctionError"):
        raise Refused(_describe_failure(order, content))
    return order_mail(stack, order.order_id)


def _make_payload(order: OrderRow) -> dict[str, Any]:
    """Make what the state machine sends to SendConfirmation."""
    return {
        "order": {"order_id": order.order_id, "attempt": order.attempt or 1},
        "execution": "orders email resend",
        "state": "SendConfirmation",
        "retry_count": 0,
        "over": {"status": order.email_status, "claim": order.email_claim},
    }


def _describe_failure(order: OrderRow, content: bytes) -> str:
    try:
        raised = json.loads(content)
        kind, message = str(raised["errorType"]), str(raised["errorMessage"])
    except (ValueError, LookupError, TypeError):
        kind, message = "", content.decode(errors="replace")
    match kind:
        case "EmailRejected":
            return f"the mail was not sent: {message}"
        case "EmailOutcomeUnknown":
            return f"it is unknown whether the mail left: {message}"
        case "TransientError":
            return f"the mail has not left: {message}; {_resend_command(order)} tries again"
        case _:
            return f"SendEmail failed: {f'{kind}: ' if kind else ''}{message}"


def _resend_command(order: OrderRow) -> str:
    return quote_command("orders email resend", order.order_id)


def _list_vouchers(address: str) -> Iterator[str]:
    yield address
    labels = address.rpartition("@")[2].split(".")
    for start in range(len(labels) - 1):
        yield ".".join(labels[start:])


def _status_of(answer: Mapping[str, Any], sending: str) -> str:
    """Read an identity's state; where SES names none, from whether mail may be sent."""
    return str(answer.get("VerificationStatus") or (VERIFIED if answer.get(sending) else "PENDING"))
