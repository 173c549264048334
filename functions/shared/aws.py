"""The only module that knows AWS's error codes: it turns them into the domain's errors, and makes the clients."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal, ParamSpec, TypeVar, overload

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 — botocore's own; the builtin is not used here
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
)

from functions.shared.errors import EmailOutcomeUnknown, EmailRejected, TransientError
from functions.shared.row import Row

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

P = ParamSpec("P")
T = TypeVar("T")


def _try_at_most(times: int) -> Config:
    """Give the limits of a call that may be repeated: 1 s to connect and 3 s for the answer, at each of its tries."""
    return Config(
        connect_timeout=1,
        read_timeout=3,
        retries={"mode": "standard", "total_max_attempts": times},
        tcp_keepalive=True,
    )


# Three tries of 1 + 3 s, and pauses of at most 1 and 2 s between them.
STEP: Final = _try_at_most(3)
LONGEST_STEP_CALL: Final = 15.0  # seconds
# A queue brings back what fails, and the messages behind wait meanwhile: two tries of 1 + 3 s, and a pause of at most
# 1 s ("Standard retry mode", https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
QUEUE_READER: Final = _try_at_most(2)
LONGEST_READER_CALL: Final = 9.0  # seconds
# SES has no idempotency token: a second try after a lost answer would be a second mail.
ONE_TRY: Final = Config(connect_timeout=1, read_timeout=10, retries={"total_max_attempts": 1})
LONGEST_MAIL_CALL: Final = 11.0  # seconds
# The mail's step makes the most calls: a claim, a claim over the last try, the mail itself, and its outcome:
# 15 + 15 + 11 + 15 = 56 s. Its function has the time, so that a slow service is seen as an error of its own.
LONGEST_STEP: Final = 3 * LONGEST_STEP_CALL + LONGEST_MAIL_CALL
_LIMITS: Final = {"sesv2": ONE_TRY, "sqs": QUEUE_READER, "stepfunctions": QUEUE_READER}

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html and the SES v2, SNS, SQS and
# Step Functions API references, "Common errors". Every 5xx is transient too.
_TRANSIENT: Final = frozenset(
    {
        "ExecutionLimitExceeded",
        "KMSThrottling",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "Throttled",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_TRANSIENT_REASONS: Final = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"})


class ConditionFailed(Exception):
    """A conditional write found the row otherwise; `item` is what it found, None where there is no row."""

    def __init__(self, item: dict[str, Any] | None) -> None:
        super().__init__("the condition does not hold")
        self.item = item

    @property
    def row(self) -> Row | None:
        """The row it found, read as an order's row."""
        return Row.from_item(self.item) if self.item else None


class ExecutionExists(Exception):
    """An execution of that name exists, or did within the last 90 days."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one action of a transaction did not happen; `item` is the row it found, in DynamoDB's own shape.

    `code` is DynamoDB's own, such as ValidationError; None of an action that nothing was wrong with.
    """

    code: str | None
    message: str | None = None
    item: dict[str, Any] | None = None

    @property
    def condition_failed(self) -> bool:
        """Whether a rule of ours refused it."""
        return self.code == "ConditionalCheckFailed"

    @property
    def transient(self) -> bool:
        """Whether another try is worth it: throttled, or another write was in the way."""
        return self.code in _TRANSIENT_REASONS

    def __str__(self) -> str:
        """Give DynamoDB's code, and its message if there is one."""
        return ": ".join(filter(None, (self.code, self.message)))


class TransactionCancelled(Exception):
    """A transaction did not happen; `reasons` has one entry an action, in their order."""

    def __init__(self, reasons: tuple[Reason, ...]) -> None:
        codes = sorted({reason.code for reason in reasons if reason.code})
        super().__init__(f"the transaction was cancelled: {', '.join(codes)}")
        self.reasons = reasons

    @property
    def is_transient(self) -> bool:
        """Whether other writes were in the way of one of them."""
        return any(reason.transient for reason in self.reasons)


@overload
def make_client(service: Literal["dynamodb"], limits: Config = ...) -> "DynamoDBClient": ...
@overload
def make_client(service: Literal["sesv2"]) -> "SESV2Client": ...
@overload
def make_client(service: Literal["sqs"]) -> "SQSClient": ...
@overload
def make_client(service: Literal["stepfunctions"]) -> "SFNClient": ...
@cache
def make_client(service: str, limits: Config | None = None) -> Any:
    """Make a client, once a process; botocore itself, since importing boto3 around it costs a fifth more."""
    return _make_session().create_client(service, config=limits or _LIMITS.get(service, STEP))


@cache
def _make_session() -> botocore.session.Session:
    return botocore.session.get_session()


def call_aws(operation: Callable[P, T], *arguments: P.args, **parameters: P.kwargs) -> T:
    """Call an AWS operation and turn its errors into the domain's.

    Raises:
        ConditionFailed, TransactionCancelled, ExecutionExists: the write was refused, by a rule of ours.
        TransientError: throttled, in conflict, out of reach, or a fault on AWS's side.
        ClientError: anything else; trying again would not help.
    """
    try:
        return operation(*arguments, **parameters)
    except (ConnectionError, HTTPClientError) as error:
        raise TransientError(type(error).__name__) from error
    except ClientError as error:
        raise _translate_error(error) from error


def call_ses(operation: Callable[P, T], *arguments: P.args, **parameters: P.kwargs) -> T:
    """Call SES once, and sort what can go wrong by whether a mail may have left.

    Raises:
        TransientError: it has not, and another try is worth it.
        EmailRejected: it has not, and SES would refuse it again.
        EmailOutcomeUnknown: it may have.
    """
    try:
        return operation(*arguments, **parameters)
    except (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError) as error:
        raise TransientError(f"SES: {type(error).__name__}") from error
    except (ConnectionError, HTTPClientError) as error:
        raise EmailOutcomeUnknown(f"SES: {type(error).__name__}: the answer was lost") from error
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code in _TRANSIENT:
            raise TransientError(f"SES: {code}") from error
        if _is_fault(error):
            raise EmailOutcomeUnknown(f"SES: {code}: a fault on the side of SES") from error
        raise EmailRejected(f"SES: {code}: {message}") from error


def _translate_error(error: ClientError) -> Exception:
    code = error.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        item: Any = error.response.get("Item")
        return ConditionFailed(item or None)
    if code == "TransactionCanceledException":
        return TransactionCancelled(tuple(_read_reason(reason) for reason in error.response["CancellationReasons"]))
    if code == "ExecutionAlreadyExists":
        return ExecutionExists(code)
    if code in _TRANSIENT or _is_fault(error):
        return TransientError(f"{error.operation_name}: {code}")
    return error


def _read_reason(reason: Any) -> Reason:
    code = reason.get("Code")
    return Reason(None if code == "None" else code, reason.get("Message"), reason.get("Item") or None)


def _is_fault(error: ClientError) -> bool:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= HTTPStatus.INTERNAL_SERVER_ERROR
