"""One logger and one set of metrics for all functions. Neither ever holds an e-mail address."""

import warnings

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

# A step that has nothing to count says so on every invocation; that is ordinary here.
warnings.filterwarnings("ignore", "No application metrics to publish")

logger = Logger()
metrics = Metrics()


def count(metric: str) -> None:
    """Count one of the events that the dashboard and the alarms read."""
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=1)
