"""AWS's error codes and lost connections, as the domain's errors."""

from typing import Any, NoReturn

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

from functions.shared import aws
from functions.shared.aws import ConditionFailed, ExecutionExists, Reason, TransactionCancelled, call_aws, call_ses
from functions.shared.errors import EmailOutcomeUnknown, EmailRejected, TransientError
from functions.shared.order import Line
from tests.functions.cloud import Cloud
from tests.functions.wire import Wire, answer_lost, answers, never_arrives

THROTTLES = [
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
]
NEVER_CONNECTED = [ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError]
CUT_OFF = [ConnectionClosedError, HTTPClientError, ReadTimeoutError, SSLError]


def client_error(code: str, status: int = 400, **more: Any) -> ClientError:
    # Botocore's stubs know its own errors only.
    response: Any = {"Error": {"Code": code, "Message": "said"}, "ResponseMetadata": {"HTTPStatusCode": status}} | more
    return ClientError(response, "Operation")


def connection_error(kind: type[Any]) -> BotoCoreError:
    error: BotoCoreError = kind(endpoint_url="https://example.com", proxy_url="proxy", error="none")
    return error


def raising(error: Exception) -> Any:
    def operation(**_: Any) -> NoReturn:
        raise error

    return operation


@pytest.mark.parametrize("code", THROTTLES)
def test_throttling_is_transient_for_every_service(code: str) -> None:
    with pytest.raises(TransientError, match=f"^Operation: {code}$"):
        call_aws(raising(client_error(code)))
    with pytest.raises(TransientError, match=f"^SES: {code}$"):
        call_ses(raising(client_error(code)))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_on_the_side_of_aws_is_transient_but_for_a_mail(status: int) -> None:
    with pytest.raises(TransientError, match=r"^Operation: Anything$"):
        call_aws(raising(client_error("Anything", status)))
    with pytest.raises(EmailOutcomeUnknown, match=r"^SES: Anything: a fault on the side of SES$"):
        call_ses(raising(client_error("Anything", status)))


@pytest.mark.parametrize("kind", NEVER_CONNECTED)
def test_a_connection_that_never_was_is_transient(kind: type[Any]) -> None:
    with pytest.raises(TransientError, match=f"^{kind.__name__}$"):
        call_aws(raising(connection_error(kind)))
    with pytest.raises(TransientError, match=f"^SES: {kind.__name__}$"):
        call_ses(raising(connection_error(kind)))


@pytest.mark.parametrize("kind", CUT_OFF)
def test_a_connection_cut_off_is_transient_but_for_a_mail(kind: type[Any]) -> None:
    with pytest.raises(TransientError, match=f"^{kind.__name__}$"):
        call_aws(raising(connection_error(kind)))
    with pytest.raises(EmailOutcomeUnknown, match=f"^SES: {kind.__name__}: the answer was lost$"):
        call_ses(raising(connection_error(kind)))


@pytest.mark.parametrize(
    "code",
    [
        "AccessDeniedException",
        "ExecutionDoesNotExist",
        "ExpiredTokenException",
        "InvalidExecutionInput",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
        "UnrecognizedClientException",
        "ValidationException",
    ],
)
def test_any_other_error_passes_through_as_it_is(code: str) -> None:
    error = client_error(code)
    with pytest.raises(ClientError) as passed:
        call_aws(raising(error))
    assert passed.value is error


def test_an_error_without_a_status_passes_through_as_it_is() -> None:
    error = ClientError({"Error": {"Code": "ValidationException", "Message": ""}}, "Operation")
    with pytest.raises(ClientError) as passed:
        call_aws(raising(error))
    assert passed.value is error


def test_an_error_of_our_own_passes_through_as_it_is() -> None:
    for operate in (call_aws, call_ses):
        with pytest.raises(NoCredentialsError):
            operate(raising(NoCredentialsError()))


def test_every_other_error_of_ses_is_a_refusal_with_its_reason() -> None:
    with pytest.raises(EmailRejected, match=r"^SES: MessageRejected: said$"):
        call_ses(raising(client_error("MessageRejected")))


def test_a_refusal_of_ses_that_says_nothing_is_a_refusal() -> None:
    error = ClientError({"Error": {"Code": "MessageRejected"}}, "SendEmail")
    with pytest.raises(EmailRejected, match=r"^SES: MessageRejected: $"):
        call_ses(raising(error))


def test_an_answer_is_handed_back() -> None:
    assert call_aws(lambda **parameters: parameters, TableName="orders") == {"TableName": "orders"}
    assert call_ses(lambda **parameters: parameters, Content="mail") == {"Content": "mail"}


def test_a_failed_condition_carries_the_row_it_found() -> None:
    item = {
        "order_id": {"S": "12345"},
        "status": {"S": "CONFIRMED"},
        "attempt": {"N": "2"},
        "customer_email": {"S": "customer@example.com"},
        "items": {"L": [{"M": {"item_id": {"S": "item001"}, "quantity": {"N": "2"}}}]},
        "email_status": {"S": "SENDING"},
        "email_claim": {"S": "claim"},
    }
    with pytest.raises(ConditionFailed) as refused:
        call_aws(raising(client_error("ConditionalCheckFailedException", Item=item)))
    row = refused.value.row
    assert row is not None
    assert (row.order_id, row.status, row.attempt, row.customer_email) == (
        "12345",
        "CONFIRMED",
        2,
        "customer@example.com",
    )
    assert (row.lines, row.email_status, row.email_claim) == ((Line("item001", 2),), "SENDING", "claim")


@pytest.mark.parametrize("more", [{}, {"Item": {}}], ids=str)
def test_a_failed_condition_on_no_row_carries_none(more: dict[str, Any]) -> None:
    with pytest.raises(ConditionFailed) as refused:
        call_aws(raising(client_error("ConditionalCheckFailedException", **more)))
    assert refused.value.row is None


def test_a_cancelled_transaction_says_why_for_each_action() -> None:
    item = {"item_id": {"S": "item001"}, "available": {"N": "1"}}
    reasons = [
        {"Code": "None"},
        {"Code": "ConditionalCheckFailed", "Item": item},
        {"Code": "ConditionalCheckFailed"},
        {"Code": "TransactionConflict"},
        {"Code": "ThrottlingError"},
        {"Code": "ProvisionedThroughputExceeded"},
        {"Code": "ValidationError", "Message": "An operand in the update expression has an incorrect data type"},
        {},
    ]
    with pytest.raises(
        TransactionCancelled, match=r"cancelled: ConditionalCheckFailed, .*, ValidationError$"
    ) as cancelled:
        call_aws(raising(client_error("TransactionCanceledException", CancellationReasons=reasons)))
    found = cancelled.value.reasons
    assert found[:3] == (Reason(None), Reason("ConditionalCheckFailed", item=item), Reason("ConditionalCheckFailed"))
    assert [reason.condition_failed for reason in found] == [False, True, True, *[False] * 5]
    assert [reason.transient for reason in found] == [*[False] * 3, *[True] * 3, *[False] * 2]
    assert str(found[6]) == "ValidationError: An operand in the update expression has an incorrect data type"


def test_an_execution_of_that_name_is_an_error_of_its_own() -> None:
    with pytest.raises(ExecutionExists):
        call_aws(raising(client_error("ExecutionAlreadyExists")))


# ------------------------------------------------------------------------------------------------------- the clients


def describe() -> Any:
    return call_aws(aws.make_client("dynamodb").describe_table, TableName="orders-table")


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    "fault",
    [answers("ThrottlingException"), answers("InternalServerError", 500), never_arrives(ConnectTimeoutError)],
    ids=["throttled", "fault", "no connection"],
)
def test_a_client_tries_three_times_and_then_leaves_it_to_the_state_machine(wire: Wire, fault: Any) -> None:
    wire.fault("DescribeTable", fault, times=2)
    assert describe()["Table"]["TableName"] == "orders-table"
    wire.fault("DescribeTable", fault)
    with pytest.raises(TransientError):
        describe()
    assert len(wire.of("DescribeTable")) == 6


def test_a_mail_is_tried_once(cloud: Cloud, wire: Wire) -> None:
    cloud.verify_sender()
    wire.fault("SendEmail", answer_lost(ReadTimeoutError))
    with pytest.raises(EmailOutcomeUnknown):
        call_ses(
            aws.make_client("sesv2").send_email,
            FromEmailAddress="orders@example.com",
            Destination={"ToAddresses": ["customer@example.com"]},
            Content={"Simple": {"Subject": {"Data": "text"}, "Body": {"Text": {"Data": "text"}}}},
        )
    assert len(cloud.mails()) == 1


@pytest.mark.usefixtures("cloud")
def test_a_client_is_made_once_a_process() -> None:
    assert aws.make_client("sqs") is aws.make_client("sqs")


@pytest.mark.parametrize(
    ("limits", "longest"),
    [
        (aws.STEP, aws.LONGEST_STEP_CALL),
        (aws.QUEUE_READER, aws.LONGEST_READER_CALL),
        (aws.ONE_TRY, aws.LONGEST_MAIL_CALL),
    ],
    ids=["step", "queue reader", "mail"],
)
def test_a_call_without_an_answer_takes_as_long_as_its_functions_timeout_reckons_with(
    limits: Any, longest: float
) -> None:
    """The pauses between tries are at most 1, 2, 4, … s."""
    tries = limits.retries["total_max_attempts"]
    pauses = sum(2**pause for pause in range(tries - 1))
    assert tries * (limits.connect_timeout + limits.read_timeout) + pauses == longest
