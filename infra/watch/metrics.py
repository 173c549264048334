"""The functions' own metrics, embedded in their logs."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

PERIOD = Duration.minutes(5)


def make_metric(scope: Construct, name: str, *, statistic: str = "Sum", label: str | None = None) -> cloudwatch.Metric:
    """A metric of the functions; its dimension, which Powertools adds, is the stack's name."""
    return cloudwatch.Metric(
        namespace="OrderProcessing",
        metric_name=name,
        dimensions_map={"service": Stack.of(scope).stack_name},
        statistic=statistic,
        period=PERIOD,
        label=label,
    )
