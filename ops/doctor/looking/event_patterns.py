"""Probe of the rules: which events they take, by EventBridge's own matcher."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from functions.track_email.ses_events import SES_EVENTS
from ops.doctor.probe import Finding, Probe, Verdict
from ops.doctor.subject import Subject
from ops.shell import quote_command

_ENDED_BADLY: Final = ("FAILED", "TIMED_OUT", "ABORTED")


@dataclass(frozen=True)
class _Sample:
    """An event as AWS documents it, and whether the rule must take it."""

    what: str
    event: Mapping[str, Any]
    is_ours: bool


def examine_event_patterns(subject: Subject) -> Iterator[Finding]:
    """Show each rule its own events, and others that are like them.

    An event that no rule takes shows nowhere: an order's stock is not given back, or its mail stays SENT.
    """
    yield _try_rule(subject, "WorkflowAbandonedExecutions", "executions", _make_executions(subject))
    if subject.is_local:
        yield Finding(Verdict.NOT_LOCAL, "SES sends no events there")
    else:
        yield _try_rule(subject, "MailTrackingMailChanged", "mails", _make_mails(subject))


def _try_rule(subject: Subject, logical_id: str, of: str, samples: list[_Sample]) -> Finding:
    events = subject.stack.client("events")
    name = subject.find_resource("AWS::Events::Rule", logical_id).physical_id
    rule = events.describe_rule(Name=name)
    if rule["State"] == "DISABLED":
        return Finding.wrong(
            f"the rule of {of} is disabled", f"run {quote_command('aws events enable-rule --name', name)}"
        )
    mistaken = [
        sample
        for sample in samples
        if sample.is_ours
        is not events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(sample.event))["Result"]
    ]
    if mistaken:
        misses = "; ".join(f"{'misses' if sample.is_ours else 'takes'} {sample.what}" for sample in mistaken)
        shown = quote_command("aws events describe-rule --name", name)
        return Finding.wrong(
            f"the rule of {of} {misses}", f"restore its pattern as infra/pipeline has it; {shown} shows it"
        )
    ours = sum(sample.is_ours for sample in samples)
    return Finding.ok(
        f"the rule of {of} takes {ours} of {ours} events of this stack, and none of {len(samples) - ours} others"
    )


def _make_executions(subject: Subject) -> list[_Sample]:
    """As in "Automating Step Functions event delivery with EventBridge"."""
    machine = subject.stack["StateMachineArn"]

    def make(what: str, arn: str, status: str, *, is_ours: bool) -> _Sample:
        execution = arn.replace(":stateMachine:", ":execution:") + ":12345"
        detail = {
            "executionArn": execution,
            "stateMachineArn": arn,
            "stateMachineVersionArn": f"{arn}:1",
            "stateMachineAliasArn": f"{arn}:live",
            "name": "12345",
            "status": status,
        }
        event = _make_event(subject, "aws.states", "Step Functions Execution Status Change", execution, detail)
        return _Sample(what, event, is_ours)

    return [
        *(make(f"an execution that is {status}", machine, status, is_ours=True) for status in _ENDED_BADLY),
        *(
            make(f"an execution that is {status}", machine, status, is_ours=False)
            for status in ("RUNNING", "SUCCEEDED")
        ),
        make("another state machine's execution", f"{machine}-2", "FAILED", is_ours=False),
    ]


def _make_mails(subject: Subject) -> list[_Sample]:
    """As in "Monitor Amazon SES email sending using Amazon EventBridge"."""
    ours = subject.find_resource("AWS::SES::ConfigurationSet", "MailTracking").physical_id
    sender = subject.make_arn("ses", f"identity/{subject.stack['SenderEmail']}")

    def make(what: str, detail_type: str, configuration_set: str, *, is_ours: bool) -> _Sample:
        tags = {"ses:configuration-set": [configuration_set], "order_id": ["12345"]}
        event = _make_event(subject, "aws.ses", detail_type, sender, {"mail": {"messageId": "1", "tags": tags}})
        return _Sample(what, event, is_ours)

    return [
        *(make(event.detail_type, event.detail_type, ours, is_ours=True) for event in SES_EVENTS),
        make("a mail that was opened", "Email Opened", ours, is_ours=False),
        make("another configuration set's mail", "Email Delivered", f"{ours}-2", is_ours=False),
    ]


def _make_event(
    subject: Subject, source: str, detail_type: str, resource: str, detail: Mapping[str, Any]
) -> dict[str, Any]:
    """Give an event with the fields that TestEventPattern asks for."""
    return {
        "version": "0",
        "id": "315c1398-40ff-a850-213b-158f73e60175",
        "account": resource.split(":")[4],
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": subject.stack.region,
        "source": source,
        "resources": [resource],
        "detail-type": detail_type,
        "detail": detail,
    }


PROBES: Final = (
    Probe(
        id="A7",
        group="The events",
        asks="each rule takes its own events and no others, by AWS's own matcher",
        ask=examine_event_patterns,
        actions=("cloudformation:ListStackResources", "events:DescribeRule", "events:TestEventPattern"),
        page="architecture.md#what-retries-and-for-how-long",
    ),
)
