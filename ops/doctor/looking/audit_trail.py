"""Probe of the audit trail: whether an AWS service was refused the key, which no log of its own would say."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from ops.doctor.probe import Finding, Probe
from ops.doctor.subject import Subject
from ops.shell import quote_command

_LOOKED_BACK: Final = timedelta(hours=24)
# CloudTrail gives fifty events a call and two calls a second, the newest first: ten calls are five seconds.
_MOST_EVENTS: Final = 500
_SERVICES: Final = frozenset({"sns", "events", "cloudwatch", "logs", "dynamodb", "sqs"})
_LATE: Final = "CloudTrail is up to 15 minutes late"


@dataclass(frozen=True)
class _KeyUse:
    """A call to KMS for this key."""

    at: datetime
    service: str
    """Who asked, or through whom a role did: the first part of sqs.amazonaws.com"""
    action: str
    refusal: str
    """Why it was refused; empty if it was not"""


def examine_audit_trail(subject: Subject) -> Iterator[Finding]:
    """Read what CloudTrail has of the key's last day."""
    uses = list(_read_uses(subject))
    refused: defaultdict[tuple[str, str], list[_KeyUse]] = defaultdict(list)
    for use in uses:
        if use.refusal and use.service in _SERVICES:
            refused[use.service, use.action].append(use)
    for (service, action), times in refused.items():
        last = times[0]
        yield Finding.wrong(
            f"{service} was refused {action}, {len(times)} times, last at {last.at:%H:%M} UTC: {last.refusal}; {_LATE}",
            f"run {quote_command('orders doctor A6')}, which tries the key's policy; a role named here lacks {action}",
        )
    if not refused:
        yield Finding.ok(f"no service was refused the key: {_describe_reach(uses)}; {_LATE}")


def _read_uses(subject: Subject) -> Iterator[_KeyUse]:
    key = subject.find_resource("AWS::KMS::Key", "Encryption").physical_id
    now = datetime.now(UTC)
    pages = (
        subject.stack.client("cloudtrail")
        .get_paginator("lookup_events")
        .paginate(
            LookupAttributes=[
                {"AttributeKey": "ResourceName", "AttributeValue": subject.make_arn("kms", f"key/{key}")}
            ],
            StartTime=now - _LOOKED_BACK,
            EndTime=now,
        )
    )
    for found in islice((event for page in pages for event in page.get("Events", ())), _MOST_EVENTS):
        event = json.loads(found["CloudTrailEvent"])
        invoked_by = event["userIdentity"].get("invokedBy", "")
        is_refused = "AccessDenied" in event.get("errorCode", "")
        yield _KeyUse(
            at=found["EventTime"].astimezone(UTC),
            service=invoked_by.partition(".")[0],
            action=f"kms:{event['eventName']}",
            refusal=event.get("errorMessage", event.get("errorCode", "")) if is_refused else "",
        )


def _describe_reach(uses: list[_KeyUse]) -> str:
    """Say how much was looked at: of a busy stack the newest events alone."""
    if len(uses) < _MOST_EVENTS:
        return f"{len(uses)} uses in {int(_LOOKED_BACK.total_seconds() / 3600)} hours"
    return f"the last {len(uses)} uses, since {uses[-1].at:%H:%M} UTC"


PROBES: Final = (
    Probe(
        id="A13",
        group="The key",
        asks="AWS's services were not refused the key in the last day",
        ask=examine_audit_trail,
        actions=("cloudformation:ListStackResources", "cloudtrail:LookupEvents"),
        page="decisions/0008-one-key.md",
        not_local="the local AWS records no use of a key",
    ),
)
