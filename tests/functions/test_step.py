"""The edge of every step: the event read once, hand-made input refused, what happened logged and counted."""

import io
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.reserve_inventory.handler import release_inventory, reserve_inventory
from functions.send_email.handler import send_confirmation
from functions.shared.errors import (
    InvalidOrder,
    OrderAlreadyConfirmed,
    OrderAlreadyFailed,
    OrderClosed,
    OutOfStock,
    TransientError,
)
from functions.shared.observability import measure_time, metrics
from functions.update_order.handler import reject_order, update_order
from tests.functions.builders import CUSTOMER, MISSING, Handler, LambdaContext, execution_input, line, run, step_event
from tests.functions.cloud import Cloud
from tests.functions.conftest import Output
from tests.functions.wire import Fault, Wire, answers

STEPS = [update_order, reserve_inventory, release_inventory, reject_order, send_confirmation]


def by_hand(**changes: Any) -> dict[str, Any]:
    """An execution's input with something changed; `MISSING` leaves a field out."""
    return {name: value for name, value in (execution_input() | changes).items() if value is not MISSING}


def refused(handler: Handler, data: Any) -> str:
    with pytest.raises(InvalidOrder) as refusal:
        handler(step_event(data), LambdaContext())
    return str(refusal.value)


def field_by_hand(field: str, value: Any) -> dict[str, Any]:
    """An execution's input with one field, of the order or of its second item, written by hand."""
    if field in ("item_id", "quantity"):
        return by_hand(items=[line(), line("item002", 1) | {field: value}])
    return by_hand(**{field: value})


TEXT = "the execution's input must hold it as a text"
WHOLE_NUMBER = "the execution's input must hold it as a whole number from 1"
LIST = "the execution's input must hold a list of at least one"
BY_HAND = {
    ("order_id", TEXT): (MISSING, None, "", 5, True, ["12345"]),
    ("customer_email", TEXT): (MISSING, None, "", 5, {"address": CUSTOMER}),
    ("items", LIST): (MISSING, None, [], "item001", {"0": line()}, 5),
    ("item_id", TEXT): (None, "", 5, True, []),
    ("quantity", WHOLE_NUMBER): (None, 0, -1, 1.0, "2", True, False, [2]),
    ("attempt", WHOLE_NUMBER): (MISSING, None, 0, -1, 1.0, "1", True),
}
NO_MAPPING: tuple[Any, ...] = ([], 5, None, {})
NO_ORDER = [
    *(pytest.param(data, f"order_id: {TEXT}", id=repr(data)) for data in (*NO_MAPPING, "12345")),
    *(pytest.param(by_hand(items=[item]), f"item_id: {TEXT}", id=f"items[0]={item}") for item in NO_MAPPING),
    *(
        pytest.param(
            field_by_hand(field, value), f"{field}: {rule}", id=f"{field}={'' if value is MISSING else repr(value)}"
        )
        for (field, rule), values in BY_HAND.items()
        for value in values
    ),
]


@pytest.mark.parametrize(("data", "error_message"), NO_ORDER)
def test_an_execution_started_by_hand_with_no_order_is_refused(cloud: Cloud, data: Any, error_message: str) -> None:
    assert refused(update_order, data) == error_message
    assert cloud.order() is None


@pytest.mark.usefixtures("cloud")
def test_whatever_an_execution_was_started_with_can_be_written_to_the_log(
    output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), "utf-8")  # as Lambda's is: it takes no half of a surrogate pair
    order_id = "12\ud800\x1b[31m\x9b\u202e\u2028345"
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", stdout)
        assert refused(reserve_inventory, by_hand(order_id=order_id, items=[])) == f"items: {LIST}"
        stdout.flush()
    print(written := stdout.buffer.getvalue().decode(), end="")  # noqa: T201
    assert written.replace("\n", "").isprintable()
    assert [line["order_id"] for line in (*output.logs, *output.metrics)] == [order_id, order_id]


@pytest.mark.parametrize("handler", STEPS, ids=lambda handler: handler.__name__)
def test_every_step_refuses_it(cloud: Cloud, handler: Handler) -> None:
    assert refused(handler, {}).startswith("order_id: ")
    assert cloud.order() is None


@pytest.mark.parametrize("quantity", [-1, -1_000_000])
def test_a_negative_quantity_by_hand_adds_no_stock(cloud: Cloud, quantity: int) -> None:
    cloud.put_stock(item001=10)
    cloud.put_order("PROCESSING", 1)
    refused(reserve_inventory, by_hand(items=[line("item001", quantity)]))
    assert cloud.available("item001") == (10,)
    assert cloud.status() == ("PROCESSING", 1)


def test_a_negative_attempt_by_hand_is_refused(cloud: Cloud) -> None:
    refused(update_order, by_hand(attempt=-1))
    assert cloud.order() is None


@pytest.mark.parametrize("error", [None, "text", 5, []], ids=repr)
def test_an_error_field_by_hand_that_no_catch_wrote_breaks_no_step(cloud: Cloud, error: Any) -> None:
    update_order(step_event(by_hand(error=error)), LambdaContext())
    assert cloud.status() == ("PROCESSING", 1)


def test_a_refusal_never_repeats_the_address(cloud: Cloud, output: Output) -> None:
    assert CUSTOMER not in refused(update_order, by_hand(customer_email=[CUSTOMER]))
    assert cloud.order() is None
    assert CUSTOMER not in output.text


# -------------------------------------------------------------------------------------------------------- reasons


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            {
                "Error": "OutOfStock",
                "Cause": json.dumps({"errorMessage": "item001: 2 wanted", "errorType": "OutOfStock"}),
            },
            "OutOfStock: item001: 2 wanted",
        ),
        ({"Error": "States.Timeout", "Cause": "The task timed out"}, "States.Timeout: The task timed out"),
        ({"Error": "States.Timeout", "Cause": ""}, "States.Timeout: "),
        ({"Error": "X", "Cause": json.dumps({"other": 1})}, 'X: {"other": 1}'),
        ({"Error": "X", "Cause": json.dumps(["errorMessage"])}, 'X: ["errorMessage"]'),
        ({"Error": "X", "Cause": "null"}, "X: null"),
        ({"Error": "X", "Cause": "5"}, "X: 5"),
        ({"Error": "X", "Cause": '{"errorMessage": "cut o'}, 'X: {"errorMessage": "cut o'),
    ],
    ids=str,
)
def test_the_reason_is_the_message_that_lambda_wrapped_or_the_sentence_as_it_is(
    cloud: Cloud, error: Mapping[str, Any], reason: str
) -> None:
    cloud.put_order("PROCESSING", 1)
    run(reject_order, error=error)
    row = cloud.order()
    assert row is not None
    assert row["status_reason"] == reason


# --------------------------------------------------------------------------------------------------- counts and logs


@pytest.mark.parametrize(("retry_count", "counted"), [(0, {}), (1, {"StepsRetried": 1}), (7, {"StepsRetried": 1})])
def test_every_retry_of_a_step_is_counted_as_one(
    cloud: Cloud, output: Output, retry_count: int, counted: dict[str, float]
) -> None:
    run(update_order, retry_count=retry_count)
    assert output.counted == counted
    assert cloud.status() == ("PROCESSING", 1)


def test_a_retry_that_fails_again_is_counted_too(cloud: Cloud, output: Output) -> None:
    cloud.put_order("FAILED", 1)
    with pytest.raises(OrderAlreadyFailed):
        run(update_order, retry_count=1)
    assert output.counted == {"StepsRetried": 1}


@pytest.mark.parametrize(
    ("status", "handler", "error"),
    [
        ("CONFIRMED", update_order, OrderAlreadyConfirmed),
        ("REJECTED", update_order, OrderClosed),
        ("FAILED", update_order, OrderAlreadyFailed),
        ("PROCESSING", reserve_inventory, OutOfStock),
    ],
)
def test_an_error_that_is_an_answer_is_counted_as_one(
    cloud: Cloud, output: Output, status: str, handler: Handler, error: type[Exception]
) -> None:
    """Lambda counts it among its errors: what is left of those is faults."""
    cloud.put_order(status, 1)
    with pytest.raises(error):
        run(handler)
    assert output.answered == 1
    assert cloud.status() == (status, 1)


def test_an_input_that_is_no_order_is_answered_too(cloud: Cloud, output: Output) -> None:
    refused(update_order, {})
    assert output.answered == 1
    assert cloud.order() is None


@pytest.mark.parametrize(
    ("fault", "error"), [(answers("ThrottlingException"), TransientError), (answers("AccessDenied"), ClientError)]
)
def test_an_error_that_is_a_fault_is_not(
    cloud: Cloud, wire: Wire, output: Output, fault: Fault, error: type[Exception]
) -> None:
    wire.fault("UpdateItem", fault)
    with pytest.raises(error):
        run(update_order)
    assert output.answered == 0
    assert cloud.order() is None


def test_a_step_says_in_its_log_which_order_attempt_execution_and_state_it_was(cloud: Cloud, output: Output) -> None:
    run(update_order, attempt=3)
    (logged,) = output.logs
    assert logged["level"] == "INFO"
    assert (logged["order_id"], logged["attempt"]) == ("12345", 3)
    assert (logged["execution"], logged["state"]) == ("execution-1", "SomeState")
    assert logged["function_request_id"] == "invocation-1"
    assert cloud.status() == ("PROCESSING", 3)


def test_a_step_that_raises_says_why_beside_the_same(cloud: Cloud, output: Output) -> None:
    cloud.put_order("FAILED", 1)
    with pytest.raises(OrderAlreadyFailed):
        run(update_order)
    (logged,) = output.logs
    assert logged["level"] == "WARNING"
    assert (logged["error_type"], logged["error_message"]) == (
        "OrderAlreadyFailed",
        "order '12345' is FAILED by attempt 1",
    )
    assert (logged["order_id"], logged["attempt"], logged["state"]) == ("12345", 1, "SomeState")


def test_a_refused_input_is_logged_by_its_execution_and_not_by_the_order_before(cloud: Cloud, output: Output) -> None:
    run(update_order)
    refused(update_order, by_hand(order_id=""))
    _, logged = output.logs
    assert (logged["execution"], logged["error_type"]) == ("execution-1", "InvalidOrder")
    assert "order_id" not in logged
    assert cloud.status() == ("PROCESSING", 1)


def test_what_is_counted_does_not_carry_the_order_before_which_counted_nothing(cloud: Cloud, output: Output) -> None:
    run(update_order)
    with pytest.raises(InvalidOrder):
        update_order(step_event(by_hand(order_id="")) | {"retry_count": 1}, LambdaContext())
    (counted,) = output.metrics
    assert counted["StepsRetried"] == [1.0]
    assert not {"order_id", "attempt"} & counted.keys()
    assert cloud.status() == ("PROCESSING", 1)


def test_what_is_counted_carries_its_order_so_that_its_story_can_be_found(cloud: Cloud, output: Output) -> None:
    cloud.put_stock(item001=10, item002=5)
    run(update_order)
    run(reserve_inventory)
    counted = json.loads(output.text.splitlines()[-1])
    assert counted["OrdersConfirmed"] == [1.0]
    assert (counted["order_id"], counted["attempt"]) == ("12345", 1)


@pytest.mark.parametrize(("time", "seconds"), [(1.2345, 1.234), (90, 90.0), (-0.5, 0.0)])
def test_a_time_is_counted_to_the_millisecond_and_is_never_less_than_none(
    output: Output, time: float, seconds: float
) -> None:
    measure_time("SecondsToStart", timedelta(seconds=time))
    metrics.flush_metrics()
    assert output.seconds == [("SecondsToStart", seconds)]


def test_no_step_ever_prints_the_address(cloud: Cloud, wire: Wire, output: Output) -> None:
    cloud.put_stock(item001=10, item002=5)
    cloud.verify_sender()
    for handler in (update_order, reserve_inventory, send_confirmation, send_confirmation):
        run(handler)
    wire.fault("UpdateItem", answers("ThrottlingException", message=f"too fast for {CUSTOMER}"), times=3)
    with pytest.raises(TransientError):
        run(send_confirmation)
    assert [line["message"] for line in output.logs] == ["order opened", "mail sent already", "step raised"]
    assert "@" not in output.text
