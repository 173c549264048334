"""Counts work that is still under way and failures, from the queues and executions of the deployed stack."""

import json
from collections.abc import Iterator, Sequence

from local.books import Books
from local.pipeline import Pipeline
from ops.dead_letters.dead_letter import DeadLetter


def under_way(pipeline: Pipeline) -> int:
    """Count the messages in the order queue and the executions that run."""
    return pipeline.messages_in("OrderQueueUrl") + sum(1 for _ in _list_executions(pipeline, "RUNNING"))


def dead_letter_count(pipeline: Pipeline) -> int:
    """Count what the order DLQ holds."""
    return pipeline.messages_in("OrderDlqUrl")


def read_books(pipeline: Pipeline, letters: Sequence[DeadLetter]) -> Books:
    """Look at everything; `letters` are the dead letters that were read."""
    client = pipeline.aws.client("stepfunctions")
    failed = {
        json.loads(client.describe_execution(executionArn=arn)["input"])["order_id"]
        for status in ("FAILED", "TIMED_OUT", "ABORTED")
        for arn in _list_executions(pipeline, status)
    }
    return Books(pipeline.stock(), pipeline.orders(), pipeline.mails(), letters, frozenset(failed))


def _list_executions(pipeline: Pipeline, status: str) -> Iterator[str]:
    pages = pipeline.aws.client("stepfunctions").get_paginator("list_executions")
    for page in pages.paginate(stateMachineArn=pipeline.outputs["StateMachineArn"], statusFilter=status):
        yield from (execution["executionArn"] for execution in page["executions"])
