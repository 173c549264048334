"""One logger and one set of metrics for all functions. Neither ever holds an e-mail address.

What is counted leaves one line, the metric's own, with the order beside it; what is not, one line of the logger's.
"""

import json
import re
import warnings
from typing import Final

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

# A step that has nothing to count says so on every invocation; that is ordinary here.
warnings.filterwarnings("ignore", "No application metrics to publish")

# An encoder made once, and no try to read each message as JSON: half the time of a line.
_encoder = json.JSONEncoder(default=str, separators=(",", ":"), ensure_ascii=False)
logger = Logger(json_serializer=_encoder.encode, json_deserializer=str)
metrics = Metrics()

_ADDRESS: Final = re.compile(r"[^\s<>,;:/]+@[^\s<>,;:/]+")
_LONGEST: Final = 2000  # characters of a message that are worth a line


def count(metric: str) -> None:
    """Count one of the events that the dashboard and the alarms read."""
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=1)


def without_addresses(message: str) -> str:
    """Blot out the addresses that AWS quotes in its messages: those end in logs, addresses must not."""
    return _ADDRESS.sub("an address", message[:_LONGEST])


def tell_order(order_id: str, attempt: int) -> None:
    """Put the order on every line of this invocation, the metrics' line too, so that its story can be found."""
    logger.append_keys(order_id=order_id, attempt=attempt)
    metrics.add_metadata("order_id", order_id)
    metrics.add_metadata("attempt", attempt)
