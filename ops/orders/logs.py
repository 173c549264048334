"""The lines that the functions logged about one order, out of CloudWatch Logs.

Not among them: a line that names no order, such as Lambda's own or a stack trace, and so all of a function that died
before it knew the order. The execution's history has these (`ops.orders.history`).
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from ops.errors import StackError
from ops.stack import Stack

MOST_LINES: Final = 10_000  # that a query gives
_PAUSE: Final = 0.5  # seconds between two looks; a query takes one or two
UNDER_WAY: Final = frozenset({"Scheduled", "Running", "Unknown"})  # statuses of a query that has not ended
# A function's log group by its path in the app: the construct that holds it, the function, `Logs`, and a hash.
_GROUP: Final = re.compile(r"(?:Ingestion|MailTracking|Notifications|Workflow)(\w+)Logs[0-9A-F]{8}")
# What the logger and the metrics put on every line, or has a field of its own below.
_OF_EVERY_LINE: Final = frozenset(
    {
        *("level", "message", "timestamp", "location", "service", "cold_start", "xray_trace_id", "execution", "state"),
        *("function_name", "function_arn", "function_memory_size", "function_request_id", "order_id", "attempt"),
        *("error_type", "error_message"),
    }
)


@dataclass(frozen=True)
class LogLine:
    """A line about an order."""

    at: datetime
    """When it was written, ISO 8601"""
    function: str
    """The function that wrote it, such as ReserveInventory"""
    attempt: int | None
    """The number of the order's execution; null where the function does not know it"""
    state: str | None
    """The state of the workflow; null of a counted event, and of a function outside the workflow"""
    level: str | None
    """INFO, WARNING or ERROR; null of a counted event"""
    message: str
    """What happened; of a counted event the metrics' names, and the seconds that they measured"""
    error_type: str | None
    """The name of the error, if there was one"""
    error_message: str | None
    """The error's message"""
    details: str | None
    """What else the line holds, as in email_status=SENT"""

    @classmethod
    def from_json(cls, line: Mapping[str, Any], function: str) -> Self:
        """Read a line of the logger's, or of the metrics'."""
        is_count = "_aws" in line
        more = {} if is_count else {name: line[name] for name in line if name not in _OF_EVERY_LINE}
        return cls(
            at=_read_time(line),
            function=function,
            attempt=line.get("attempt"),
            state=line.get("state"),
            level=line.get("level"),
            message=_describe_metrics(line) if is_count else str(line.get("message")),
            error_type=line.get("error_type"),
            error_message=line.get("error_message"),
            details=", ".join(f"{name}={value}" for name, value in more.items()) or None,
        )


@dataclass(frozen=True)
class OrderLog:
    """The lines about an order, since a moment."""

    order_id: str
    """The order's id"""
    since: datetime
    """From when on they were looked for, ISO 8601"""
    lines: list[LogLine]
    """The oldest first"""
    complete: bool
    """Whether these are all; false where there are more than a query gives"""


def read_log(stack: Stack, order_id: str, since: datetime) -> OrderLog:
    """Look for an order's lines in the log groups of all functions, by one query of CloudWatch Logs Insights.

    Raises:
        StackError: the stack has no such log groups, or the query failed.
    """
    found = stack.find_resources("AWS::Logs::LogGroup")
    groups = {one.physical_id: name for one in found if (name := name_function(one.logical_id))}
    if not groups:
        raise StackError(f"stack {stack.name} has no log groups of functions")
    client = stack.client("logs")
    query = client.start_query(
        logGroupNames=list(groups),
        queryString=_write_query(order_id),
        startTime=int(since.timestamp()),
        endTime=int(time.time()) + 1,
    )["queryId"]
    while (answer := client.get_query_results(queryId=query))["status"] in UNDER_WAY:
        time.sleep(_PAUSE)
    if answer["status"] != "Complete":
        raise StackError(f"the query of the logs ended as {answer['status']}: try again, with a shorter --since")
    results = [{field["field"]: field["value"] for field in result} for result in answer["results"]]
    lines = sorted(_read_lines(results, order_id, groups), key=lambda line: line.at)
    return OrderLog(order_id, since, lines, complete=len(results) < MOST_LINES)


def name_function(logical_id: str) -> str | None:
    """Give the function that a log group of this logical id is of; None if it is no function's."""
    found = _GROUP.fullmatch(logical_id)
    return found[1] if found else None


def _write_query(order_id: str) -> str:
    """Write the query. What the pattern cannot hold is any character in it: each line is compared afterwards.

    A pattern, as the local AWS has no other filter, which is a subset of AWS's.
    """
    pattern = re.sub(r"[^0-9A-Za-z_-]", ".", f'"order_id":{json.dumps(order_id)}')
    return (
        f"fields @timestamp, @message, @log | filter @message like /{pattern}/"
        f" | sort @timestamp asc | limit {MOST_LINES}"
    )


def _read_lines(results: list[dict[str, str]], order_id: str, groups: Mapping[str, str]) -> Iterator[LogLine]:
    for one in results:
        try:
            line = json.loads(one["@message"])
        except ValueError:
            continue  # a text that happens to hold the pattern
        if isinstance(line, dict) and line.get("order_id") == order_id:
            # On AWS the account stands in front of the group's name.
            yield LogLine.from_json(line, groups[one["@log"].rpartition(":")[2]])


def _read_time(line: Mapping[str, Any]) -> datetime:
    """Read when a line says it was written; the local AWS gives all of an invocation the time of its end."""
    if "_aws" in line:
        return datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, UTC)
    return datetime.strptime(line["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z").astimezone(UTC)


def _describe_metrics(line: Mapping[str, Any]) -> str:
    metrics = [metric for group in line["_aws"]["CloudWatchMetrics"] for metric in group["Metrics"]]
    return ", ".join(
        f"{metric['Name']} {line[metric['Name']][0]:g} s" if metric["Unit"] == "Seconds" else metric["Name"]
        for metric in metrics
    )
