"""`orders doctor --probe` against the deployed stack, and that `--clean` leaves it as it was."""

from typing import Any

from tests.deployed.commands.conftest import Orders
from tests.deployed.conftest import DeployedPipeline

_TABLES = ("OrdersTableName", "InventoryTableName", "StockMovementsTableName")


def read_tables(pipeline: DeployedPipeline) -> list[Any]:
    scan = pipeline.aws.client("dynamodb").get_paginator("scan")
    return [
        sorted(repr(row) for page in scan.paginate(TableName=pipeline.outputs[name]) for row in page["Items"])
        for name in _TABLES
    ]


def test_its_own_orders_end_as_they_should_and_nothing_is_left_of_them(
    orders: Orders, pipeline: DeployedPipeline
) -> None:
    tables, checked = read_tables(pipeline), orders("check")

    found = orders.json("doctor", "--probe", "--patient", schema="doctor")

    assert {one["probe"]: one["verdict"] for one in found["probes"] if one["probe"].startswith("B")} == {
        **dict.fromkeys(("B0", "B1", "B4", "B5", "B6", "B7"), "OK"),
        **dict.fromkeys(("B2", "B3", "B8"), "NOT_LOCAL"),
    }
    assert orders("check").code == checked.code == 0
    left = read_tables(pipeline)
    assert [len(now) - len(then) for now, then in zip(left, tables, strict=True)] == [3, 1, 1]

    cleaned = orders("doctor", "--clean", "--yes")
    assert (cleaned.code, cleaned.out.splitlines()[-1]) == (0, "removed all of it")
    assert read_tables(pipeline) == tables
    assert orders("check") == checked
    assert "probes have left nothing" in orders("doctor", "--clean").out
