"""Prices of an order and of a month: counted usage times AWS's list prices, without free tiers."""

from collections.abc import Iterator
from dataclasses import dataclass

MILLION, GB = 1e6, 1e9
PRICES_AS_OF = "2026-11, us-west-2, USD"
TRANSITION = 0.025 / 1e3  # https://aws.amazon.com/step-functions/pricing/
WRITE_UNIT = 0.625 / MILLION  # https://aws.amazon.com/dynamodb/pricing/on-demand/
INVOCATION, GB_SECOND = 0.20 / MILLION, 0.0000133334  # https://aws.amazon.com/lambda/pricing/ (arm64)
QUEUE_REQUEST = 0.40 / MILLION  # https://aws.amazon.com/sqs/pricing/
PUBLISH = 0.50 / MILLION  # https://aws.amazon.com/sns/pricing/ (delivery to SQS is free)
MAIL = 0.10 / 1e3  # https://aws.amazon.com/ses/pricing/
LOG_BYTE = 0.50 / GB  # https://aws.amazon.com/cloudwatch/pricing/
TRACE = 5.00 / MILLION  # the same page, X-Ray
KEY = 1.00  # https://aws.amazon.com/kms/pricing/ a month
ALARM_METRIC, COMPOSITE_ALARM, CUSTOM_METRIC, DASHBOARD = 0.10, 0.50, 0.30, 3.00  # CloudWatch's page, a month
# EventBridge does not charge for events of AWS's own services on the default bus, nor for delivery to an own queue:
# https://aws.amazon.com/eventbridge/pricing/

# Not countable here: how long AWS's answers take, and how much slower 256 MB of Lambda compute than this machine.
# They decide a line of about a dollar.
CALL_SECONDS, MAIL_SECONDS, OWN_SECONDS = 0.010, 0.100, 0.005
MEMORY_GB = 0.25
# X-Ray samples one in twenty; an order has two traces, the starter's and the execution's, and each event has one.
TRACED = 0.05
# SNS sends to the queue, or EventBridge does; Lambda receives and deletes: one each if no two share a batch.
QUEUE_REQUESTS = 3

# Counts in a stack of stage prod; a test checks them.
ALARM_METRICS, COMPOSITE_ALARMS, CUSTOM_METRICS = 37, 1, 18


@dataclass(frozen=True, kw_only=True)
class OrderUsage:
    """The usage of each service by one order of `items` different items, SES's events of its mail included."""

    items: int
    states: int
    mails: int
    calls: int  # to AWS, the mails not among them
    write_units: int
    log_bytes: int
    invocations: int
    events: int  # of SES


@dataclass(frozen=True)
class Price:
    """The price of one service, with a note on its usage."""

    service: str
    usd: float
    note: str


def per_order(usage: OrderUsage) -> Iterator[Price]:
    """Price one order, its mail's events with it."""
    requests, traces = QUEUE_REQUESTS * (1 + usage.events), TRACED * (2 + usage.events)
    seconds = usage.invocations * OWN_SECONDS + usage.calls * CALL_SECONDS + usage.mails * MAIL_SECONDS
    compute = usage.invocations * INVOCATION + seconds * MEMORY_GB * GB_SECOND
    yield Price("Step Functions", usage.states * TRANSITION, f"{usage.states} state transitions")
    yield Price("SES", usage.mails * MAIL, f"{usage.mails} mail")
    yield Price("DynamoDB", usage.write_units * WRITE_UNIT, f"{usage.write_units} write units")
    yield Price("CloudWatch Logs", usage.log_bytes * LOG_BYTE, f"{usage.log_bytes / 1e3:.1f} kB")
    yield Price("Lambda", compute, f"{usage.invocations} invocations, {seconds * 1000:.0f} ms together")
    yield Price("SQS", requests * QUEUE_REQUEST, f"{requests} requests")
    yield Price("SNS", PUBLISH, "1 publish")
    yield Price("X-Ray", traces * TRACE, f"{traces:.1f} traces")


def per_month(
    *, alarm_metrics: int = ALARM_METRICS, composite_alarms: int = COMPOSITE_ALARMS, dashboards: int = 1
) -> Iterator[Price]:
    """Price what a month costs however many orders come.

    CloudWatch asks for each metric that an alarm reads, and for one of our own in the hours in which it is written.
    """
    alarms = alarm_metrics * ALARM_METRIC + composite_alarms * COMPOSITE_ALARM
    yield Price("KMS", KEY, "1 key")
    yield Price("CloudWatch alarms", alarms, f"{alarm_metrics} metrics of alarms, {composite_alarms} composite")
    yield Price("CloudWatch metrics", CUSTOM_METRICS * CUSTOM_METRIC, f"{CUSTOM_METRICS} of our own, at most")
    yield Price("CloudWatch dashboards", dashboards * DASHBOARD, f"{dashboards} dashboard")
