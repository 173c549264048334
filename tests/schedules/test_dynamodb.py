"""The DynamoDB of the schedules answers as moto's does, row by row and error by error, to what the stores ask.

moto is the one to be held to: it is used with one thread only, where it is exact.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from functions.reserve_inventory.store import InventoryStore
from functions.send_email.store import MailStore
from functions.shared import aws, row
from functions.shared.order import Line, Order
from functions.track_email.event import MailEvent
from functions.track_email.store import MailProgress
from functions.update_order.store import OrderStore
from ops.local_aws import REGION
from tests.clients import forget_clients
from tests.examples import draw_examples
from tests.functions.cloud import INVENTORY, ORDERS
from tests.schedules.dynamodb import DynamoDB
from tests.schedules.expressions import Unsupported, parse_condition, parse_update
from tools.insides import memory

KEYS = {ORDERS: "order_id", INVENTORY: "item_id"}
ORDER = Order("1", "customer@example.com", (Line("book", 2), Line("pen", 1)))


class Both:
    """A client that asks both, and holds the one's answer against the other's."""

    def __init__(self, moto: Any) -> None:
        self.fake = DynamoDB(KEYS)
        self._moto = moto

    def clear(self) -> None:
        self.fake = DynamoDB(KEYS)
        memory.clear_tables()

    def put(self, table: str, item: dict[str, Any]) -> None:
        self.fake.put(table, item)
        memory.put_row(table, item)

    def update_item(self, **parameters: Any) -> Any:
        return self._ask("update_item", parameters)

    def transact_write_items(self, **parameters: Any) -> Any:
        return self._ask("transact_write_items", parameters)

    def assert_same_rows(self) -> None:
        for table in KEYS:
            assert self.fake.rows[table] == {row[KEYS[table]]["S"]: row for row in memory.read_rows(table)}

    def _ask(self, operation: str, parameters: dict[str, Any]) -> Any:
        ours, theirs = (_outcome(getattr(side, operation), parameters) for side in (self.fake, self._moto))
        assert _told(ours) == _told(theirs)
        self.assert_same_rows()
        if isinstance(ours, ClientError):
            raise ours
        return ours


def _outcome(operation: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    try:
        return operation(**parameters)
    except ClientError as error:
        return error


def _told(outcome: Any) -> Any:
    """What the functions read of an answer or an error."""
    if not isinstance(outcome, ClientError):
        return {"Attributes": outcome["Attributes"]} if "Attributes" in outcome else {}
    reasons = [(reason["Code"], reason.get("Item")) for reason in outcome.response.get("CancellationReasons", ())]
    status = outcome.response["ResponseMetadata"]["HTTPStatusCode"]
    return outcome.response["Error"]["Code"], outcome.response.get("Item"), reasons, status, outcome.operation_name


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        moto: Any = botocore.session.Session().create_client(
            "dynamodb", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )
        for table, key in KEYS.items():
            moto.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        both = Both(moto)
        forget_clients()
        patch.setattr(aws, "_make_session", lambda: _Session(both))
        yield both
    forget_clients()


class _Session:
    def __init__(self, client: Both) -> None:
        self._client = client

    def create_client(self, _service: str, **_: Any) -> Both:
        return self._client


ATTEMPTS = st.integers(1, 2)
STATUSES = st.sampled_from([row.PROCESSING, row.CONFIRMED, row.REJECTED, row.FAILED, row.CANCELLED])
MAILS = st.sampled_from(
    [None, row.MAIL_PENDING, row.MAIL_SENDING, row.MAIL_REJECTED, row.MAIL_UNKNOWN, *sorted(row.MAIL_LEFT)]
)
CLAIMS = st.sampled_from(["one", "two"])
REFUSED_MAILS = st.sampled_from([row.MAIL_PENDING, row.MAIL_REJECTED])
TOLD = st.sampled_from([(row.MAIL_DELIVERED, ""), (row.MAIL_BOUNCED, "a reason")])
KNOWN = st.sampled_from([(row.MAIL_SENDING,), (row.MAIL_SENDING, row.MAIL_UNKNOWN, row.MAIL_SENT)])


@st.composite
def operations(draw: st.DrawFn) -> Callable[[], object]:
    """One call of a store, as the functions make it."""
    orders, stock, mails = OrderStore(ORDERS), InventoryStore(ORDERS, INVENTORY), MailStore(ORDERS)
    attempt, claim, known = draw(ATTEMPTS), draw(CLAIMS), draw(KNOWN)
    event = MailEvent("1", claim, "an id", *draw(TOLD))
    last = {"order_id": {"S": "1"}, "email_status": {"S": draw(REFUSED_MAILS)}}
    last |= {"email_claim": {"S": draw(CLAIMS)}} if draw(st.booleans()) else {}
    return draw(
        st.sampled_from(
            [
                lambda: orders.open(ORDER, attempt),
                lambda: orders.reject("1", attempt, "a reason"),
                lambda: stock.confirm(ORDER, attempt),
                lambda: stock.fail_open(ORDER, attempt, "a reason"),
                lambda: stock.fail_confirmed("1", ORDER.lines, attempt, "a reason"),
                lambda: mails.claim("1", claim),
                lambda: mails.claim("1", claim, row.Row.from_item(last).mail_try),
                lambda: mails.sent("1", claim, "an id"),
                lambda: mails.not_sent("1", claim, "an error"),
                lambda: mails.rejected("1", claim, "an error"),
                lambda: mails.unknown("1", claim, "an error"),
                lambda: MailProgress(ORDERS).move(event, known),
            ]
        )
    )


@st.composite
def order_rows(draw: st.DrawFn) -> dict[str, Any] | None:
    """A row as it may be found: also none, and one that an operator has left half empty."""
    if not draw(st.booleans()):
        return None
    found: dict[str, Any] = {"order_id": {"S": "1"}}
    if draw(st.booleans()):
        found |= {"status": {"S": draw(STATUSES)}, "attempt": {"N": str(draw(ATTEMPTS))}}
    if mail := draw(MAILS):
        found |= {"email_status": {"S": mail}, "email_claim": {"S": draw(CLAIMS)}}
    return found


STOCK = st.sampled_from([None, {}, {"available": {"N": "0"}}, {"available": {"N": "2"}}, {"available": {"N": "5"}}])
REFUSED = (aws.ConditionFailed, aws.TransactionCancelled, ClientError)


@draw_examples(30)
@given(
    order=order_rows(),
    stock=st.tuples(STOCK, STOCK),
    calls=st.lists(operations(), min_size=1, max_size=8),
)
def test_every_call_of_the_stores_is_answered_as_moto_answers_it(
    both: Both, order: dict[str, Any] | None, stock: tuple[Any, Any], calls: list[Callable[[], None]]
) -> None:
    both.clear()
    if order:
        both.put(ORDERS, order)
    for item_id, found in zip(("book", "pen"), stock, strict=True):
        if found is not None:
            both.put(INVENTORY, {"item_id": {"S": item_id}} | found)
    for call in calls:
        try:
            call()
        except REFUSED:
            both.assert_same_rows()


@pytest.mark.parametrize(
    "text",
    ["size(a) > :b", "a BETWEEN :b AND :c", "begins_with(a, :b)", "NOT a = :b", "a.b = :c", "a = :b c", "(a = :b"],
)
def test_a_condition_that_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(Unsupported):
        parse_condition(text)


@pytest.mark.parametrize("text", ["DELETE a :b", "SET a = list_append(a, :b)", "SET a.b = :c", "SET a[0] = :b"])
def test_an_update_that_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(Unsupported):
        parse_update(text)


def test_a_transaction_asked_for_twice_with_one_token_is_done_once() -> None:
    """The token is what makes botocore's own second try after a lost answer safe."""
    tables = DynamoDB(KEYS)
    tables.put(INVENTORY, {"item_id": {"S": "book"}, "available": {"N": "5"}})
    add = {
        "TableName": INVENTORY,
        "Key": {"item_id": {"S": "book"}},
        "UpdateExpression": "ADD available :quantity",
        "ExpressionAttributeValues": {":quantity": {"N": "1"}},
    }
    for _ in range(2):
        tables.transact_write_items(TransactItems=[{"Update": add}], ClientRequestToken="token")
    assert tables.rows[INVENTORY]["book"]["available"] == {"N": "6"}
