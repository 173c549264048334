"""`orders logs`: the lines of one order out of all functions' groups, in the order in which they were written."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.orders import logs
from ops.stack import Stack
from tests.ops.cloud_logs import CloudLogs
from tests.ops.command import Command
from tests.ops.moto_stack import moto_stack, put
from tests.ops.states import States


@pytest.fixture
def cloud() -> CloudLogs:
    return CloudLogs()


@pytest.fixture
def stack(cloud: CloudLogs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setattr(logs, "_PAUSE", 0)
    with moto_stack(tables=True, states=States()) as moto:
        yield replace(moto, _clients={**moto._clients, "cloudformation": cloud, "logs": cloud})


@pytest.fixture
def orders(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(stack, monkeypatch)


def logged(order_id: str, message: str, second: int, **more: Any) -> dict[str, Any]:
    """A line as the logger writes it."""
    at = f"2026-01-01 00:00:{second:02d},250+0000"
    line = {"level": "INFO", "location": "x:1", "message": message, "timestamp": at, "service": "s"}
    return line | {"execution": order_id, "state": "UpdateOrder", "order_id": order_id, "attempt": 1, **more}


def counted(order_id: str, second: int) -> dict[str, Any]:
    """A line as the metrics write it."""
    metrics = [{"Name": "OrdersAccepted", "Unit": "Count"}, {"Name": "SecondsToStart", "Unit": "Seconds"}]
    at = int(datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC).timestamp() * 1000)
    emf = {"_aws": {"Timestamp": at, "CloudWatchMetrics": [{"Namespace": "n", "Metrics": metrics}]}, "service": "s"}
    return emf | {"order_id": order_id, "attempt": 1, "OrdersAccepted": [1.0], "SecondsToStart": [2.051]}


def test_an_orders_lines_are_in_the_order_in_which_they_were_written(orders: Command, cloud: CloudLogs) -> None:
    cloud.looks = 2  # a query takes its time
    raised = {"level": "WARNING", "error_type": "KeyError", "error_message": "\x1b[31mno", "email_status": "SENT"}
    cloud.put("WorkflowUpdateOrder", logged("12345", "step raised", 2, **raised))
    cloud.put("IngestionStartWorkflow", counted("12345", 1))
    cloud.put("WorkflowUpdateOrder", 'START "order_id":"12345" is no line of ours')
    for other in ("123456", "2345"):
        cloud.put("WorkflowUpdateOrder", logged(other, "another's", 1))
    cloud.put("transitions", logged("12345", "of a group that is no function's", 1))
    shown = orders("logs", "12345")
    assert shown.code == 0
    first, last = [line for line in shown.out.splitlines() if line.startswith("2026")]
    assert " ".join(first.split()) == "2026-01-01 00:00:01.000 1 StartWorkflow OrdersAccepted, SecondsToStart 2.051 s"
    end = "1 UpdateOrder WARNING step raised: KeyError: \\x1b[31mno (email_status=SENT)"
    assert " ".join(last.split()) == f"2026-01-01 00:00:02.250 {end}"
    assert "`orders show --verbose 12345` has each try" in shown.err
    found = orders.json("logs", "12345", schema="logs")
    assert found["complete"] is True
    assert [(one["function"], one["state"], one["level"], one["error_type"]) for one in found["lines"]] == [
        ("StartWorkflow", None, None, None),
        ("UpdateOrder", "UpdateOrder", "WARNING", "KeyError"),
    ]


@pytest.mark.parametrize("order_id", ["a/b|c", '"quoted" \\', "注文 😀", "x" * 256, ".*", "a'b\"c"])
def test_an_order_is_found_whatever_its_id_holds_and_no_other(orders: Command, cloud: CloudLogs, order_id: str) -> None:
    cloud.put("WorkflowUpdateOrder", logged(order_id, "mine", 1))
    cloud.put("WorkflowUpdateOrder", logged("".join("_" for _ in order_id), "another's", 1))
    (line,) = orders.json("logs", order_id, schema="logs")["lines"]
    assert line["message"] == "mine"


def test_lines_are_looked_for_from_before_the_row_was_made_or_since_when_it_is_said(
    orders: Command, cloud: CloudLogs, stack: Stack
) -> None:
    cloud.put("WorkflowUpdateOrder", logged("12345", "opened", 1))

    def asked_since(*options: str) -> datetime:
        assert orders("logs", "12345", *options).code == 0
        return datetime.fromtimestamp(cloud.asked["startTime"], UTC)

    now = datetime.now(UTC)
    assert abs(now - timedelta(days=1) - asked_since()) < timedelta(minutes=1)
    put(stack, "OrdersTableName", order_id={"S": "12345"}, created_at={"S": "2026-01-01T12:00:00.000+00:00"})
    assert asked_since() == datetime(2026, 1, 1, 11, tzinfo=UTC)
    assert abs(now - timedelta(hours=2) - asked_since("--since", "2h")) < timedelta(minutes=1)
    assert cloud.asked["endTime"] >= now.timestamp()
    assert (orders("logs", "12345", "--since", "soon").code, orders("logs", "").code) == (2, 2)


def test_no_line_too_many_and_a_query_that_fails_are_each_said(
    orders: Command, cloud: CloudLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = orders("logs", "12345")
    assert (nothing.code, nothing.out) == (1, "")
    assert "12345: no function logged a line about it since 20" in nothing.err

    monkeypatch.setattr(logs, "MOST_LINES", 2)
    for second in (1, 2):
        cloud.put("WorkflowUpdateOrder", logged("12345", "opened", second))
    cut = orders("logs", "12345")
    assert cut.code == 1
    assert cut.out.count("opened") == 2
    assert "the last are missing: name a shorter --since" in cut.err
    assert orders.json("logs", "12345", schema="logs", code=1)["complete"] is False

    cloud.status = "Timeout"
    failed = orders("logs", "12345")
    assert (failed.code, failed.out) == (3, "")
    assert "the query of the logs ended as Timeout" in failed.err
