"""What happens 90 days on, when the names of executions are free again: docs/reliability.md promises this much."""

import pytest

from tests.faults.invariants import mails, stock
from tests.faults.matrix import Matrix
from tests.faults.pipeline import Pipeline
from tests.faults.schedules import CRASHES, ORDER, OTHER_CONTENT, STOCK, TOO_MUCH
from tests.functions.builders import message
from tests.statemachine.machine import Fault


@pytest.fixture
def pipeline(matrix: Matrix) -> Pipeline:
    matrix.pipeline.reset()
    return matrix.pipeline


def process(pipeline: Pipeline, *bodies: str, faults: list[Fault] | None = None) -> None:
    pipeline.begin(STOCK, {}, {"ReserveInventory": faults} if faults else {})
    publish(pipeline, *bodies)


def publish(pipeline: Pipeline, *bodies: str) -> None:
    for body in bodies:
        pipeline.publish(body)
        pipeline.work()


@pytest.mark.parametrize("body", [ORDER, TOO_MUCH], ids=["confirmed", "rejected"])
def test_an_order_published_again_after_90_days_is_still_one_order(pipeline: Pipeline, body: str) -> None:
    process(pipeline, body)
    before = pipeline.world()
    pipeline.forget_executions()
    publish(pipeline, body)
    after = pipeline.world()
    assert (after.available, after.mailed) == (before.available, before.mailed)
    assert after.orders["12345"]["status"] == before.orders["12345"]["status"]
    assert [execution.status for execution in after.executions] == ["SUCCEEDED"]


def test_a_failed_order_published_after_90_days_is_processed_once_its_attempts_are_counted_up(
    pipeline: Pipeline,
) -> None:
    """Its row remembers the attempts that Step Functions has forgotten: each publishing counts one of them up."""
    process(pipeline, ORDER, faults=CRASHES)
    pipeline.forget_executions()
    publish(pipeline, ORDER)
    assert pipeline.world().orders["12345"]["status"] == "FAILED"
    assert [execution.status for execution in pipeline.world().executions] == ["FAILED"]
    publish(pipeline, ORDER)
    world = pipeline.world()
    assert (world.orders["12345"]["status"], world.mailed) == ("CONFIRMED", ["12345"])
    assert stock(world) + mails(world) == []


def test_other_content_under_an_old_order_id_changes_nothing_after_90_days(pipeline: Pipeline) -> None:
    """It is told from a duplicate only while Step Functions knows the execution; then the row speaks for the order."""
    process(pipeline, ORDER)
    before = pipeline.world().orders["12345"]
    pipeline.forget_executions()
    publish(pipeline, OTHER_CONTENT, message(customer_email="other@example.com"))
    world = pipeline.world()
    assert (world.orders["12345"], world.mailed) == (before, ["12345"])
    assert stock(world) == []
