"""`orders check` against the deployed stack: a real disagreement is named, with the orders that could explain it."""

import pytest

from tests.deployed.commands.conftest import Orders
from tests.deployed.conftest import DeployedPipeline, wait_for

ITEM = "checked-tea"


def set_available(pipeline: DeployedPipeline, change: int) -> None:
    """Change an item's row behind its movements' back."""
    pipeline.aws.client("dynamodb").update_item(
        TableName=pipeline.outputs["InventoryTableName"],
        Key={"item_id": {"S": ITEM}},
        UpdateExpression="ADD available :change",
        ExpressionAttributeValues={":change": {"N": str(change)}},
    )


@pytest.fixture
def ordered(orders: Orders, pipeline: DeployedPipeline) -> None:
    """An item with a movement, and two orders that hold 2 and 3 of it."""
    orders("stock", "add", ITEM, "20")
    for order_id, quantity in (("checked-2", 2), ("checked-3", 3)):
        lines = [{"item_id": ITEM, "quantity": quantity}]
        pipeline.publish({"order_id": order_id, "customer_email": "checked@example.com", "items": lines})
    orders_of = ("checked-2", "checked-3")
    wait_for(
        lambda: [pipeline.row(order_id).get("email_status") for order_id in orders_of],
        lambda found: found == ["SENT", "SENT"],
    )


@pytest.mark.usefixtures("ordered")
def test_pieces_that_vanished_are_named_with_the_order_that_could_explain_them_until_accounted_for(
    orders: Orders, pipeline: DeployedPipeline
) -> None:
    assert f"item {ITEM}:" not in orders("check").out  # of other tests' items and orders nothing is said here
    set_available(pipeline, -3)

    said = orders("check")

    assert said.code == 1
    assert f"item {ITEM}: 3 missing\n" in said.out
    assert "its movements add up to 20; found 17: 12 available and 5 held by 2 CONFIRMED orders" in said.out
    assert "held by: checked-3 (3), checked-2 (2)" in said.out

    report = orders.json("check", schema="check", code=1)
    (wrong,) = [item for item in report["wrong_items"] if item["item_id"] == ITEM]
    assert (wrong["difference"], wrong["holders"][0]) == (-3, {"order_id": "checked-3", "quantity": 3})

    accounted = orders("stock", "reconcile", ITEM, "--reason", "three were taken off the shelf by hand")
    assert accounted.out == f"{ITEM}: a movement accounts for -3 now; what is available is as it was\n"
    assert f"item {ITEM}:" not in orders("check").out
    assert pipeline.stock(ITEM) == 12
