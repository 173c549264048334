"""Powertools' metrics and batch processor, where several invocations of the functions interleave in one process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from aws_lambda_powertools.metrics import Metrics
from aws_lambda_powertools.utilities.batch import BatchProcessor


class ProcessorPerThread(threading.local, BatchProcessor):
    """A batch processor holds one batch at a time, as a process of Lambda does; here each thread has its own."""


@contextmanager
def metrics_added_by(metrics: Metrics, add: Callable[..., None]) -> Iterator[None]:
    """Have a function add each metric, and write none: a decorated handler flushes the provider it was made with."""

    def write_nothing(*_: Any, **_named: Any) -> None: ...

    with (
        patch.object(metrics, "add_metric", add),
        patch.object(metrics, "add_metadata", write_nothing),
        patch.object(metrics.provider, "flush_metrics", write_nothing),
    ):
        yield
