"""One logger and one set of metrics for all functions. Neither ever holds an e-mail address.

An event that is counted leaves one line, the metric's own, with the order beside it; any other, a line of the logger's.
"""

import json
import re
import sys
from datetime import timedelta
from typing import Final

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import MetricResolution, Metrics, MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

# An encoder made once, and no try to read each message as JSON: half the time of a line. Its lines are ASCII: an
# execution started by hand may hold half a surrogate pair, which UTF-8 lacks, or what drives the terminal of a reader.
_encoder = json.JSONEncoder(default=str, separators=(",", ":"))
logger = Logger(json_serializer=_encoder.encode, json_deserializer=str)


class _Emf(AmazonCloudWatchEMFProvider):
    """Powertools' own in half of its time: names and units are constants here and not checked, the encoder is one.

    An invocation that has nothing to count is ordinary, so that it gets no warning.
    What it counts of one invocation never has the order of another: a flush forgets it also where nothing was counted.
    What it saves is in docs/decisions/0007-lean-cold-starts.md.
    """

    def add_metric(
        self, name: str, unit: MetricUnit | str, value: float, resolution: MetricResolution | int = 60
    ) -> None:
        metric = self.metric_set.setdefault(
            name, {"Unit": _format_unit(unit), "StorageResolution": resolution, "Value": []}
        )
        metric["Value"].append(float(value))

    def flush_metrics(self, raise_on_empty_metrics: bool = False) -> None:  # noqa: ARG002 — it never does
        if self.metric_set:
            sys.stdout.write(_encoder.encode(self.serialize_metric_set()) + "\n")
        self.clear_metrics()


def _format_unit(unit: MetricUnit | str) -> str:
    return unit.value if isinstance(unit, MetricUnit) else unit


metrics = Metrics(provider=_Emf())

# A "/" may stand before the @, as in john/doe@example.com; of a path that leads to an address nothing is left.
_ADDRESS: Final = re.compile(r"[^\s<>,;:]+@[^\s<>,;:/]+")
_LONGEST: Final = 2000  # characters of a message that are worth a line


def count_event(metric: str) -> None:
    """Count one of the events that the dashboard and the alarms read."""
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=1)


def measure_time(metric: str, time: timedelta) -> None:
    """Put a time on the metrics' line, in seconds; two clocks that differ a little make it no less than none."""
    metrics.add_metric(name=metric, unit=MetricUnit.Seconds, value=max(0.0, round(time.total_seconds(), 3)))


def without_addresses(message: str) -> str:
    """Blot out the addresses that AWS quotes in its messages: those end in logs, addresses must not."""
    return _ADDRESS.sub("an address", message[:_LONGEST])


def tell_order(order_id: str, attempt: int | None = None) -> None:
    """Put the order on every line of this invocation, the metrics' line too, so that its story can be found."""
    order = {"order_id": order_id} if attempt is None else {"order_id": order_id, "attempt": attempt}
    logger.append_keys(**order)
    for name, value in order.items():
        metrics.add_metadata(name, value)
