"""Dollars, from what was counted, at list prices without free tiers: of an order, and of a month whatever comes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.figures import Figure
from bench.order import Usage

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
# What AWS's own services send to the default bus, and on to a queue of the account, EventBridge does not charge for:
# https://aws.amazon.com/eventbridge/pricing/

# Not countable here: how long AWS's answers take, and how much slower 256 MB of Lambda compute than this machine.
# They decide a line of about a dollar.
CALL_SECONDS, MAIL_SECONDS, OWN_SECONDS = 0.010, 0.100, 0.005
MEMORY_GB = 0.25
# X-Ray samples one in twenty; an order has two traces, the starter's and the execution's, and each event has one.
TRACED = 0.05
# SNS sends to the queue, or EventBridge does; Lambda receives and deletes: one each if no two share a batch.
QUEUE_REQUESTS = 3

# What a stack of stage prod has; a test counts them.
ALARM_METRICS, COMPOSITE_ALARMS, CUSTOM_METRICS = 33, 1, 16
EVENT_OVERHEAD = 26  # bytes that CloudWatch Logs counts for each event beyond its text
_REQUEST = "8b0d1f6e-1e2a-4c8f-9c7e-0123456789ab"
PLATFORM_LINES = (
    f"START RequestId: {_REQUEST} Version: $LATEST\n",
    f"END RequestId: {_REQUEST}\n",
    f"REPORT RequestId: {_REQUEST}\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 256 MB\t"
    "Max Memory Used: 60 MB\tXRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793\tSegmentId: 557abcec3ee5a047\t"
    "Sampled: true\n",
)
"""What Lambda itself logs of every invocation."""

METHOD = (
    f"prices of {PRICES_AS_OF}; the order of three items, alone in its batch, as counted above, and SES's events of "
    "its mail (sent, delivered), each alone in its batch; assumed are "
    f"{CALL_SECONDS * 1000:.0f} ms a call, {MAIL_SECONDS * 1000:.0f} ms a mail, X-Ray's default sampling; alarms, "
    "metrics, storage and data transfer do not grow with an order and are left out"
)


@dataclass(frozen=True)
class Line:
    """What one service costs, and for what."""

    service: str
    usd: float
    note: str


def figures(usage: Usage) -> Iterator[Figure]:
    """Price one order's usage, a million times."""
    for line in (lines := list(per_order(usage))):
        yield Figure(name=line.service, value=line.usd * MILLION, unit="USD", note=line.note)
    yield Figure(name="a million orders", value=sum(line.usd for line in lines) * MILLION, unit="USD")


def per_order(usage: Usage) -> Iterator[Line]:
    """Price one order, its mail's events with it."""
    units, logged, invocations = usage.write_units + usage.told.write_units, _log_bytes(usage), _invocations(usage)
    requests, traces = QUEUE_REQUESTS * (1 + usage.told.events), TRACED * (2 + usage.told.events)
    yield Line("Step Functions", len(usage.states) * TRANSITION, f"{len(usage.states)} state transitions")
    yield Line("SES", _mails(usage) * MAIL, f"{_mails(usage)} mail")
    yield Line("DynamoDB", units * WRITE_UNIT, f"{units} write units")
    yield Line("CloudWatch Logs", logged * LOG_BYTE, f"{logged / 1e3:.1f} kB")
    yield Line("Lambda", _lambda(usage), f"{invocations} invocations, {_seconds(usage) * 1000:.0f} ms together")
    yield Line("SQS", requests * QUEUE_REQUEST, f"{requests} requests")
    yield Line("SNS", PUBLISH, "1 publish")
    yield Line("X-Ray", traces * TRACE, f"{traces:.1f} traces")


def per_month(
    *, alarm_metrics: int = ALARM_METRICS, composite_alarms: int = COMPOSITE_ALARMS, dashboards: int = 1
) -> Iterator[Line]:
    """Price what a month costs however many orders come.

    CloudWatch asks for each metric that an alarm reads, and for one of our own in the hours in which it is written.
    """
    alarms = alarm_metrics * ALARM_METRIC + composite_alarms * COMPOSITE_ALARM
    yield Line("KMS", KEY, "1 key")
    yield Line("CloudWatch alarms", alarms, f"{alarm_metrics} metrics of alarms, {composite_alarms} composite")
    yield Line("CloudWatch metrics", CUSTOM_METRICS * CUSTOM_METRIC, f"{CUSTOM_METRICS} of our own, at most")
    yield Line("CloudWatch dashboards", dashboards * DASHBOARD, f"{dashboards} dashboard")


def _invocations(usage: Usage) -> int:
    return usage.invocations + usage.told.events


def _mails(usage: Usage) -> int:
    return usage.calls.count("sesv2:SendEmail")


def _seconds(usage: Usage) -> float:
    calls = len(usage.calls) + len(usage.told.calls) - _mails(usage)
    return _invocations(usage) * OWN_SECONDS + calls * CALL_SECONDS + _mails(usage) * MAIL_SECONDS


def _lambda(usage: Usage) -> float:
    return _invocations(usage) * INVOCATION + _seconds(usage) * MEMORY_GB * GB_SECOND


def _log_bytes(usage: Usage) -> int:
    """Add up what the handlers printed, Lambda's own lines, and the state machine's log of level ALL."""
    texts = [
        *usage.log_lines,
        *usage.told.log_lines,
        *PLATFORM_LINES * _invocations(usage),
        *(_state_machine_line(event) for event in usage.history),
    ]
    return sum(len(text.encode()) + EVENT_OVERHEAD for text in texts)


def _state_machine_line(event: dict[str, Any]) -> str:
    """Render an event as Step Functions logs it without execution data."""
    details: dict[str, Any] = next((value for name, value in event.items() if name.endswith("EventDetails")), {})
    hidden = ("input", "output", "parameters")
    return json.dumps(
        {
            "id": str(event["id"]),
            "type": event["type"],
            "details": {name: value for name, value in details.items() if not name.startswith(hidden)},
            "redrive_count": "0",
            "previous_event_id": str(event.get("previousEventId", 0)),
            "event_timestamp": "1764000000000",
            "execution_arn": "arn:aws:states:us-west-2:000000000000:execution:OrderProcessing-0123456789AB:12345",
        },
        separators=(",", ":"),
    )
