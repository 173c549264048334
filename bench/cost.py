"""What an order costs, and what it takes: counted here, priced by the model of `orders cost`.

`python -m bench.cost` writes the counts that `orders cost` reads, once the functions have changed what they take.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from bench import order
from bench.figures import Figure
from bench.order import Usage
from ops.cost import prices
from ops.cost.estimate import COUNTS
from ops.cost.prices import OrderUsage
from ops.local_aws import ACCOUNT, REGION

COUNTED_ITEMS = (1, 3, 10, 30, 60, 99)
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
    f"prices of {prices.PRICES_AS_OF}; the order of three items, alone in its batch, as counted above, and SES's "
    "events of its mail (sent, delivered), each alone in its batch; assumed are "
    f"{prices.CALL_SECONDS * 1000:.0f} ms a call, {prices.MAIL_SECONDS * 1000:.0f} ms a mail, X-Ray's default "
    "sampling; alarms, metrics, storage and data transfer do not grow with an order and are left out"
)


def price_usage(usage: Usage) -> Iterator[Figure]:
    """Price one order's usage, a million times."""
    for line in (lines := list(prices.per_order(add_up_usage(usage)))):
        yield Figure(name=line.service, value=line.usd * prices.MILLION, unit="USD", note=line.note)
    yield Figure(name="a million orders", value=sum(line.usd for line in lines) * prices.MILLION, unit="USD")


def add_up_usage(usage: Usage) -> OrderUsage:
    """Add up what the order took and what SES's events of its mail took."""
    mails = usage.calls.count("sesv2:SendEmail")
    return OrderUsage(
        items=usage.items,
        states=len(usage.states),
        mails=mails,
        calls=len(usage.calls) + len(usage.told.calls) - mails,
        write_units=usage.write_units + usage.told.write_units,
        log_bytes=_log_bytes(usage),
        invocations=usage.invocations + usage.told.events,
        events=usage.told.events,
    )


def write_counts() -> None:
    """Count orders of some sizes anew and write what they take to where `orders cost` reads it."""
    counts = [asdict(add_up_usage(usage)) for usage in order.count_usage(*COUNTED_ITEMS)]
    lines = ",\n".join(f"  {json.dumps(count)}" for count in counts)
    COUNTS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _log_bytes(usage: Usage) -> int:
    """Add up what the handlers printed, Lambda's own lines, and the state machine's log of level ALL."""
    texts = [
        *usage.log_lines,
        *usage.told.log_lines,
        *PLATFORM_LINES * (usage.invocations + usage.told.events),
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
            "execution_arn": f"arn:aws:states:{REGION}:{ACCOUNT}:execution:OrderProcessing-0123456789AB:12345",
        },
        separators=(",", ":"),
    )


if __name__ == "__main__":
    write_counts()
