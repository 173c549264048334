"""Cancelling: what is closed, what is given back, and what is too late. `tests/schedules` has every interleaving."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.shared.errors import OrderClosed, TransientError
from functions.shared.order import Line
from functions.shared.row import Row, why_not_open
from ops.errors import Refused
from ops.orders.cancel import Cancellation, CancelStore, cancel_order
from ops.stack import Stack
from ops.tables.order_row import OrderRow
from tests.clients import pose_as_client
from tests.ops.moto_stack import moto_stack, put, rows

LINES = (Line("item001", 2), Line("item002", 1))


@pytest.fixture
def stack() -> Iterator[Stack]:
    with moto_stack(tables=True) as stack:
        for item_id in ("item001", "item002"):
            put(stack, "InventoryTableName", item_id={"S": item_id}, available={"N": "5"})
        yield stack


def put_order(stack: Stack, status: str | None, mail: str | None = None, **attributes: Any) -> None:
    lines = [{"M": {"item_id": {"S": line.item_id}, "quantity": {"N": str(line.quantity)}}} for line in LINES]
    row: dict[str, Any] = {"order_id": {"S": "12345"}, "attempt": {"N": "1"}, "items": {"L": lines}}
    row |= {"status": {"S": status}} if status else {}
    row |= {"email_status": {"S": mail}} if mail else {}
    put(stack, "OrdersTableName", **row | attributes)


def order(stack: Stack) -> dict[str, Any]:
    (row,) = rows(stack, "OrdersTableName")
    return row


def available(stack: Stack) -> dict[str, int]:
    return {row["item_id"]["S"]: int(row["available"]["N"]) for row in rows(stack, "InventoryTableName")}


@pytest.mark.parametrize("status", [None, "PROCESSING", "FAILED"])
def test_an_order_that_holds_nothing_is_closed_with_its_reason(stack: Stack, status: str | None) -> None:
    put_order(stack, status)
    assert cancel_order(CancelStore.of(stack), "12345", "a second thought") == Cancellation()
    row = order(stack)
    assert (row["status"], row["attempt"], row["status_reason"]) == (
        {"S": "CANCELLED"},
        {"N": "1"},
        {"S": "a second thought"},
    )
    assert available(stack) == {"item001": 5, "item002": 5}


def test_an_order_that_nobody_has_placed_is_closed_for_the_message_that_may_still_come(stack: Stack) -> None:
    cancel_order(CancelStore.of(stack), "12345", "a second thought")
    row = order(stack)
    assert (row["status"], "attempt" in row, row["created_at"]) == ({"S": "CANCELLED"}, False, row["updated_at"])
    closed = why_not_open("12345", Row.from_item(row))
    assert (type(closed), str(closed)) == (OrderClosed, "order '12345' is CANCELLED")


@pytest.mark.parametrize("mail", [None, "PENDING", "REJECTED"])
def test_a_confirmed_order_whose_mail_has_certainly_not_left_gives_its_stock_back_once(
    stack: Stack, mail: str | None
) -> None:
    put_order(stack, "CONFIRMED", mail)
    assert cancel_order(CancelStore.of(stack), "12345", "gone") == Cancellation(given_back=LINES)
    assert cancel_order(CancelStore.of(stack), "12345", "again") == Cancellation(already=True)
    row = order(stack)
    assert (row["status"], row["status_reason"]) == ({"S": "CANCELLED"}, {"S": "gone"})
    assert available(stack) == {"item001": 7, "item002": 6}


def test_lines_of_one_item_in_a_row_written_by_hand_are_given_back_as_one(stack: Stack) -> None:
    line = {"M": {"item_id": {"S": "item001"}, "quantity": {"N": "2"}}}
    put(stack, "OrdersTableName", order_id={"S": "12345"}, status={"S": "CONFIRMED"}, items={"L": [line, line]})
    assert cancel_order(CancelStore.of(stack), "12345", "gone").given_back == (Line("item001", 4),)
    assert available(stack)["item001"] == 9


@pytest.mark.parametrize(
    ("status", "mail", "why"),
    [
        ("CONFIRMED", "SENDING", "look again in a minute"),
        ("CONFIRMED", "UNKNOWN", "its mail may have left"),
        ("CONFIRMED", "SENT", "the customer has been notified"),
        ("CONFIRMED", "DELIVERED", "orders stock add"),
        ("CONFIRMED", "BOUNCED", "the customer has been notified"),
        ("CONFIRMED", "COMPLAINED", "the customer has been notified"),
        ("REJECTED", None, "closed already"),
        ("SHIPPED", None, "none that the workflow writes"),
    ],
)
def test_what_the_customer_may_count_on_or_what_is_closed_is_refused_and_stays(
    stack: Stack, status: str, mail: str | None, why: str
) -> None:
    put_order(stack, status, mail)
    before = order(stack)
    with pytest.raises(Refused, match=why):
        cancel_order(CancelStore.of(stack), "12345", "gone")
    assert order(stack) == before
    assert available(stack) == {"item001": 5, "item002": 5}


class Racing(CancelStore):
    """Between reading and writing, somebody else is always first."""

    def __init__(self, stack: Stack, moves: list[tuple[str, str | None]]) -> None:
        super().__init__(
            stack.client("dynamodb"), orders=stack["OrdersTableName"], inventory=stack["InventoryTableName"]
        )
        self._stack = stack
        self._moves = moves

    def give_back(self, found: OrderRow, reason: str) -> tuple[Line, ...]:
        if self._moves:
            put_order(self._stack, *self._moves.pop(0))
        return super().give_back(found, reason)


def test_a_lost_race_is_decided_anew(stack: Stack) -> None:
    put_order(stack, "CONFIRMED")
    with pytest.raises(Refused, match="its mail is SENT"):
        cancel_order(Racing(stack, [("CONFIRMED", "PENDING"), ("CONFIRMED", "SENT")]), "12345", "gone")
    put_order(stack, "CONFIRMED")
    assert cancel_order(Racing(stack, [("FAILED", None)]), "12345", "gone") == Cancellation()
    assert available(stack) == {"item001": 5, "item002": 5}


def test_an_order_that_keeps_moving_is_given_up_with_nothing_changed(stack: Stack) -> None:
    put_order(stack, "CONFIRMED")
    moves: list[tuple[str, str | None]] = [("CONFIRMED", mail) for mail in ("PENDING", "REJECTED") * 3]
    with pytest.raises(Refused, match="it changed each of the 5 times"):
        cancel_order(Racing(stack, moves), "12345", "gone")
    assert order(stack)["status"] == {"S": "CONFIRMED"}
    assert available(stack) == {"item001": 5, "item002": 5}


class Refusing:
    """DynamoDB that cancels each transaction with these reasons; moto adds to a text, which DynamoDB does not."""

    def __init__(self, stack: Stack, *reasons: dict[str, str]) -> None:
        self._stack, self._reasons = stack, list(reasons)
        self.times = 0

    def update_item(self, **parameters: Any) -> Any:
        return self._stack.client("dynamodb").update_item(**parameters)

    def transact_write_items(self, **_: Any) -> Any:
        self.times += 1
        code = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": self._reasons}
        raise ClientError(code, "TransactWriteItems")  # type: ignore[arg-type]  # as botocore makes it

    @property
    def store(self) -> CancelStore:
        orders, inventory = self._stack["OrdersTableName"], self._stack["InventoryTableName"]
        return CancelStore(pose_as_client(self), orders=orders, inventory=inventory)


NONE = {"Code": "None"}


def test_stock_that_nothing_can_be_added_to_is_named_with_its_reason_and_nothing_is_cancelled(stack: Stack) -> None:
    put_order(stack, "CONFIRMED")
    odd = {"Code": "ValidationError", "Message": "An operand in the update expression has an incorrect data type"}
    with pytest.raises(Refused, match=r"given back to item002 \(ValidationError: An operand .*`orders stock set`"):
        cancel_order(Refusing(stack, NONE, NONE, odd).store, "12345", "gone")
    assert order(stack)["status"] == {"S": "CONFIRMED"}


def test_a_throttled_transaction_is_tried_again_after_a_pause_and_then_left_to_a_person(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("ops.tables.conditional.time.sleep", pauses.append)
    put_order(stack, "CONFIRMED")
    dynamodb = Refusing(stack, NONE, {"Code": "ThrottlingError"}, NONE)
    with pytest.raises(TransientError, match="12345: the transaction was cancelled: ThrottlingError"):
        cancel_order(dynamodb.store, "12345", "gone")
    assert (dynamodb.times, len(pauses)) == (5, 4)
    assert 0 < pauses[0] < pauses[-1]


@pytest.mark.parametrize("attempt", [{"N": "1.5"}, {"S": "1"}, None])
def test_an_order_whose_attempt_cannot_be_read_is_cancelled_all_the_same(
    stack: Stack, attempt: dict[str, str] | None
) -> None:
    """What it holds and what the customer has been notified do not depend on it."""
    put_order(stack, "CONFIRMED", mail=None, **({"attempt": attempt} if attempt else {}))
    if attempt is None:
        table, key = stack["OrdersTableName"], {"order_id": {"S": "12345"}}
        stack.client("dynamodb").update_item(TableName=table, Key=key, UpdateExpression="REMOVE attempt")
    assert cancel_order(CancelStore.of(stack), "12345", "gone").given_back == LINES
    assert (order(stack)["status"], available(stack)) == ({"S": "CANCELLED"}, {"item001": 7, "item002": 6})


@pytest.mark.parametrize(
    ("odd", "rule"),
    [
        ({"items": {"S": "two teas"}}, "`items` must be a list of item_id and quantity"),
        ({"items": {"L": [{"S": "tea"}]}}, "`items` must be"),
        ({"email_status": {"N": "1"}}, "`email_status` must be a text"),
    ],
)
def test_an_order_of_which_it_is_unknown_what_it_holds_or_whom_it_told_is_not_cancelled(
    stack: Stack, odd: dict[str, Any], rule: str
) -> None:
    put_order(stack, "CONFIRMED", **odd)
    before = order(stack)
    with pytest.raises(Refused, match=f"12345: its row is odd: {rule}"):
        cancel_order(CancelStore.of(stack), "12345", "gone")
    assert (order(stack), available(stack)) == (before, {"item001": 5, "item002": 5})


def test_a_throttled_cancellation_may_be_tried_again() -> None:
    class Throttled:
        def update_item(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "UpdateItem")

    with pytest.raises(TransientError):
        cancel_order(CancelStore(pose_as_client(Throttled()), orders="orders", inventory="inventory"), "12345", "gone")
