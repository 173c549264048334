"""`orders dlq` against the deployed stack; the ways it can end are in `tests/ops/test_commands.py`."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deployed.commands.conftest import Orders
from tests.deployed.conftest import DeployedPipeline, wait_for

OUTPUTS = {"orders": "OrderDlqUrl", "releases": "ReleaseDlqUrl", "mail-events": "MailEventDlqUrl"}


def order(order_id: str, **items: int) -> dict[str, Any]:
    lines = [{"item_id": item, "quantity": quantity} for item, quantity in items.items()]
    return {"order_id": order_id, "customer_email": f"{order_id}@example.com", "items": lines}


def abandoned(order_id: str) -> dict[str, Any]:
    """EventBridge's event of an execution that was aborted."""
    content = json.dumps({**order(order_id, gone=1), "attempt": 1})
    return {"source": "aws.states", "detail": {"name": order_id, "status": "ABORTED", "input": content}}


@pytest.fixture
def letters(pipeline: DeployedPipeline) -> Iterator["Letters"]:
    """The dead letters, none to begin with and none left behind."""
    found = Letters(pipeline)
    found.clear()
    yield found
    found.clear()


class Letters:
    def __init__(self, pipeline: DeployedPipeline) -> None:
        self._outputs = pipeline.outputs
        self._sqs = pipeline.aws.client("sqs")

    def lay(self, queue: str, body: Any, **attributes: str) -> str:
        answer = self._sqs.send_message(
            QueueUrl=self._outputs[OUTPUTS[queue]],
            MessageBody=body if isinstance(body, str) else json.dumps(body),
            MessageAttributes={n: {"DataType": "String", "StringValue": value} for n, value in attributes.items()},
        )
        return str(answer["MessageId"])

    def clear(self) -> None:
        for output in OUTPUTS.values():
            self._sqs.purge_queue(QueueUrl=self._outputs[output])


def test_a_letter_is_found_redriven_and_processed_and_what_redriving_cannot_help_is_dropped(
    orders: Orders, letters: Letters, pipeline: DeployedPipeline
) -> None:
    pipeline.put_stock(redriven=5)
    pipeline.publish({**order("dlq-bad"), "note": "no items"})
    bad = wait_for(lambda: orders.json("dlq", "list", schema="dlq-list")["letters"], bool)[0]
    assert (bad["order_id"], bad["error_message"]) == ("dlq-bad", "items: must be a list of at least one item")
    letters.lay("orders", order("dlq-good", redriven=2))
    release = letters.lay("releases", abandoned("dlq-release"), ERROR_CODE="THROTTLING", ERROR_MESSAGE="too many")

    shown = orders.json("dlq", "show", release[:8], schema="dlq-show")
    assert (shown["order_id"], shown["error_type"], json.loads(shown["body"])) == (
        *("dlq-release", "THROTTLING", abandoned("dlq-release")),
    )
    redriven = orders("dlq", "redrive", "--all")
    assert (redriven.code, redriven.out) == (0, "1 redriven\n")
    assert f"{bad['message_id'][:8]} (dlq-bad)" in redriven.err
    row = wait_for(lambda: pipeline.row("dlq-good"), lambda row: row.get("email_status") == "SENT")
    assert (row["status"], pipeline.stock("redriven")) == ("CONFIRMED", 3)

    dropped = orders("dlq", "drop", "--all", "--yes")
    assert dropped.code == 0
    assert sorted(map(json.loads, dropped.out.splitlines()), key=str) == sorted(
        [json.loads(bad["body"]), abandoned("dlq-release")], key=str
    )
    assert "there are no dead letters" in orders("dlq", "list").err
