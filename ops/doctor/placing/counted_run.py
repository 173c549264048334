"""The probe of the metrics: what a run placed is counted, by Step Functions, Lambda and the functions themselves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from ops.doctor.errors import NotBegun
from ops.doctor.placing.placed_run import CLOCK_SLACK, GROUP, ON_ORDER, Run
from ops.doctor.probe import Finding, Probe
from ops.doctor.subject import Subject

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

_COUNTED_WITHIN: Final = 600.0  # seconds; most metrics come within three minutes
_MINUTE: Final = 60
_EVERY: Final = 30.0  # seconds between two looks: each metric that is asked for costs $0.00001

# What each kind of a run's orders makes the functions count, and the functions that it calls.
_METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "success": ("OrdersAccepted", "OrdersConfirmed", "MailsSent", "MailsDelivered"),
    "bounce": ("MailsBounced",),
    "complaint": ("MailsComplained",),
    "short": ("OrdersRejected",),
    "stopped": ("OrdersFailed",),
}
_FUNCTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "success": (
        "IngestionStartWorkflow",
        "WorkflowUpdateOrder",
        "WorkflowReserveInventory",
        "NotificationsSendEmail",
        "MailTrackingTrackEmail",
    ),
    "short": ("WorkflowRejectOrder",),
    "stopped": ("WorkflowReleaseAbandoned",),
}


@dataclass(frozen=True)
class Metric:
    """A metric that must count the run; its name here, and CloudWatch's of it."""

    label: str
    namespace: str
    name: str
    dimension: str
    value: str

    def ask(self, number: int) -> "MetricDataQueryTypeDef":
        """Ask for its sums, minute by minute."""
        return {
            "Id": f"m{number}",
            "Label": self.label,
            "MetricStat": {
                "Metric": {
                    "Namespace": self.namespace,
                    "MetricName": self.name,
                    "Dimensions": [{"Name": self.dimension, "Value": self.value}],
                },
                "Period": _MINUTE,
                "Stat": "Sum",
            },
        }


def examine_counts(run: Run, subject: Subject) -> Iterator[Finding]:
    """Wait until every metric counts something since the run began."""
    if not run.placed:
        raise NotBegun("not tried: no order was placed (B1)")
    metrics = _choose_metrics(run, subject)
    missing = run.wait_until(
        lambda: _find_missing(run, subject, metrics),
        lambda left: not left,
        until=run.clock() + _COUNTED_WITHIN,
        every=_EVERY,
    )
    if not missing:
        yield Finding.ok(f"{len(metrics)} of {len(metrics)} metrics count the run")
        return
    yield Finding.wrong(
        f"{len(missing)} of {len(metrics)} metrics count nothing {_COUNTED_WITHIN / _MINUTE:.0f} minutes after the run:"
        f" {', '.join(missing)}",
        "look at the probes above first: what did not happen is not counted",
    )


def _choose_metrics(run: Run, subject: Subject) -> list[Metric]:
    stack = subject.stack
    machine = Metric(
        "ExecutionsStarted", "AWS/States", "ExecutionsStarted", "StateMachineArn", stack["StateMachineArn"]
    )
    names = [*(name for kind in run.placed for name in _METRICS.get(kind, ())), *run.counted]
    own = [Metric(name, "OrderProcessing", name, "service", stack.name) for name in names]
    called = [
        Metric(f"{beginning} Invocations", "AWS/Lambda", "Invocations", "FunctionName", found.physical_id)
        for kind in run.placed
        for beginning in _FUNCTIONS.get(kind, ())
        for found in subject.find_resources("AWS::Lambda::Function", beginning)
    ]
    return [machine, *own, *called]


def _find_missing(run: Run, subject: Subject, metrics: list[Metric]) -> list[str]:
    """Name the metrics that have counted nothing since the run began."""
    pages = (
        subject.stack.client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=[metric.ask(number) for number, metric in enumerate(metrics)],
            StartTime=(run.began - CLOCK_SLACK).replace(second=0, microsecond=0),
            EndTime=datetime.now(UTC) + timedelta(seconds=_MINUTE),
        )
    )
    counted = {found["Label"] for page in pages for found in page["MetricDataResults"] if sum(found["Values"])}
    return [metric.label for metric in metrics if metric.label not in counted]


def make_probes(run: Run) -> tuple[Probe, ...]:
    """Give it, for one run."""
    return (
        Probe(
            id="B8",
            group=GROUP,
            asks="what was placed is counted by Step Functions, Lambda and the functions",
            ask=partial(examine_counts, run),
            actions=("cloudformation:ListStackResources", "cloudwatch:GetMetricData"),
            page="commands.md#orders-that-the-doctor-places",
            not_local="the local CloudWatch makes no metrics of the functions' logs",
            rests_on=ON_ORDER,
        ),
    )
