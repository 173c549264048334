"""Probe of the alarms' expressions: whether CloudWatch makes a number of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from ops.doctor.errors import Absent
from ops.doctor.probe import Finding, Probe
from ops.doctor.subject import Subject

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryOutputTypeDef, MetricDataResultTypeDef

_LOOKED_BACK: Final = timedelta(hours=3)


@dataclass(frozen=True)
class _Evaluated:
    """An alarm's expression and the metrics in it, as CloudWatch has them for the last hours."""

    alarm: str
    results: Sequence["MetricDataResultTypeDef"]
    expression: str
    """The id of the result that the alarm looks at"""
    asked: frozenset[str]
    """The ids of all that CloudWatch was asked for"""

    @property
    def failed(self) -> str:
        """The status of what CloudWatch could not work out, by the last page that has it; empty if it could."""
        statuses = dict.fromkeys(self.asked, "no answer") | {one["Id"]: one["StatusCode"] for one in self.results}
        return next((status for status in statuses.values() if status != "Complete"), "")

    @property
    def has_number(self) -> bool:
        """Whether the expression gives a number."""
        return any(result["Id"] == self.expression and result.get("Values") for result in self.results)

    @property
    def has_reports(self) -> bool:
        """Whether any of its metrics has reported one."""
        return any(result["Id"] != self.expression and result.get("Values") for result in self.results)


def examine_alarm_metrics(subject: Subject) -> Iterator[Finding]:
    """Have CloudWatch evaluate each alarm's own expression, with the metrics in it.

    Most of them never reported. FILL must make zeros of those beside one that did, or the alarm never fires.
    """
    evaluated = []
    for name, queries in _describe_expressions(subject):
        one = _evaluate(subject, name, queries)
        evaluated.append(one)
        if one.failed:
            yield Finding.unclear(
                f"CloudWatch could not evaluate {one.alarm}: {one.failed}", "run it again in a minute"
            )
        elif one.has_reports and not one.has_number:
            yield Finding.wrong(
                f"{one.alarm} gives no number, though some of its metrics have reported: it will not fire",
                "put each of its metrics in FILL (infra/watch/monitoring.py) and deploy again",
            )
    if not evaluated:
        raise Absent("the stack has no alarms on expressions, and this version's has some")
    numbers = sum(one.has_number for one in evaluated)
    silent = sum(not one.has_number and not one.has_reports and not one.failed for one in evaluated)
    if numbers + silent == len(evaluated):
        hours = int(_LOOKED_BACK.total_seconds() / 3600)
        yield Finding.ok(
            f"{numbers} of {len(evaluated)} expressions give a number; of {silent} no metric reported in {hours} hours"
        )


def _describe_expressions(subject: Subject) -> Iterator[tuple[str, Sequence["MetricDataQueryOutputTypeDef"]]]:
    names = [alarm.physical_id for alarm in subject.find_resources("AWS::CloudWatch::Alarm")]
    paginator = subject.stack.client("cloudwatch").get_paginator("describe_alarms")
    for page in paginator.paginate(AlarmNames=names, AlarmTypes=["MetricAlarm"]):
        yield from (
            (alarm["AlarmName"], alarm["Metrics"]) for alarm in page.get("MetricAlarms", ()) if alarm.get("Metrics")
        )


def _evaluate(subject: Subject, alarm: str, queries: Sequence["MetricDataQueryOutputTypeDef"]) -> _Evaluated:
    """Ask for the alarm's array as it is, but for the values of its metrics too."""
    (expression,) = [query["Id"] for query in queries if query.get("ReturnData", True)]
    asked: list[Any] = [query | {"ReturnData": True} for query in queries]
    now = datetime.now(UTC)
    paginator = subject.stack.client("cloudwatch").get_paginator("get_metric_data")
    pages = paginator.paginate(MetricDataQueries=asked, StartTime=now - _LOOKED_BACK, EndTime=now)
    results = [result for page in pages for result in page["MetricDataResults"]]
    return _Evaluated(alarm, results, expression, frozenset(query["Id"] for query in queries))


PROBES: Final = (
    Probe(
        id="A11",
        group="The alarms' numbers",
        asks="CloudWatch makes a number of each alarm's expression",
        ask=examine_alarm_metrics,
        actions=("cloudformation:ListStackResources", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"),
        page="decisions/0010-versions-and-aliases.md",
        not_local="the local stack has no alarms on expressions",
    ),
)
