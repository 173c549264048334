"""Dollars per million orders, from what was counted, at list prices without free tiers."""

import json
from collections.abc import Iterator
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

# Not countable here: how long AWS's answers take, and how much slower 256 MB of Lambda compute than this machine.
# They decide a line of about a dollar.
CALL_SECONDS, MAIL_SECONDS, OWN_SECONDS = 0.010, 0.100, 0.005
MEMORY_GB = 0.25
# X-Ray samples one in twenty; an order has two traces, the starter's and the execution's.
TRACES = 2 * 0.05
# SNS sends to the queue, Lambda receives and deletes: one each if no two orders share a batch.
QUEUE_REQUESTS = 3

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
    f"prices of {PRICES_AS_OF}; the order of three items, alone in its batch, as counted above; assumed are "
    f"{CALL_SECONDS * 1000:.0f} ms a call, {MAIL_SECONDS * 1000:.0f} ms a mail, X-Ray's default sampling; alarms, "
    "metrics, storage and data transfer do not grow with an order and are left out"
)


def figures(usage: Usage) -> Iterator[Figure]:
    """Price one order's usage, a million times."""
    logged = _log_bytes(usage)
    lines = {
        "Step Functions": (len(usage.states) * TRANSITION, f"{len(usage.states)} state transitions"),
        "SES": (_mails(usage) * MAIL, f"{_mails(usage)} mail"),
        "DynamoDB": (usage.write_units * WRITE_UNIT, f"{usage.write_units} write units"),
        "CloudWatch Logs": (logged * LOG_BYTE, f"{logged / 1e3:.1f} kB"),
        "Lambda": (_lambda(usage), f"{usage.invocations} invocations, {_seconds(usage) * 1000:.0f} ms together"),
        "SQS": (QUEUE_REQUESTS * QUEUE_REQUEST, f"{QUEUE_REQUESTS} requests"),
        "SNS": (PUBLISH, "1 publish"),
        "X-Ray": (TRACES * TRACE, f"{TRACES:.1f} traces"),
    }
    for service, (dollars, note) in lines.items():
        yield Figure(name=service, value=dollars * MILLION, unit="USD", note=note)
    total = sum(dollars for dollars, _ in lines.values())
    yield Figure(name="a million orders", value=total * MILLION, unit="USD")


def _mails(usage: Usage) -> int:
    return usage.calls.count("sesv2:SendEmail")


def _seconds(usage: Usage) -> float:
    calls = len(usage.calls) - _mails(usage)
    return usage.invocations * OWN_SECONDS + calls * CALL_SECONDS + _mails(usage) * MAIL_SECONDS


def _lambda(usage: Usage) -> float:
    return usage.invocations * INVOCATION + _seconds(usage) * MEMORY_GB * GB_SECOND


def _log_bytes(usage: Usage) -> int:
    """Add up what the handlers printed, Lambda's own lines, and the state machine's log of level ALL."""
    texts = [
        *usage.log_lines,
        *PLATFORM_LINES * usage.invocations,
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
