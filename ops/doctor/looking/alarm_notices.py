"""Probe of the alarms: whether one that fires reaches a person, and which fire now."""

from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Final

from ops.doctor.probe import Finding, Probe, judge_all
from ops.doctor.subject import Subject
from ops.shell import quote_command

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import CompositeAlarmTypeDef, MetricAlarmTypeDef

    Alarm = CompositeAlarmTypeDef | MetricAlarmTypeDef

_KINDS: Final = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
_UNCONFIRMED: Final = frozenset({"PendingConfirmation", "Deleted"})  # in place of a subscription's ARN


def examine_notices(subject: Subject) -> Iterator[Finding]:
    """Look at who is notified, and at each alarm."""
    topic = subject.find_resource("AWS::SNS::Topic", "MonitoringAlarmTopic").physical_id
    names = [found.physical_id for kind in _KINDS for found in subject.find_resources(kind)]
    if subject.is_local:
        yield Finding.not_local("who is notified, and which alarm fires: it mails nobody, and no alarm has data")
        what = "alarms notify the alarm topic"
    else:
        yield _judge_subscriptions(subject, topic)
        what = "alarms notify the alarm topic, and none fires"
    alarms = _describe_alarms(subject, names)
    wrong = (finding for name in names for finding in _judge_alarm(subject, name, alarms.get(name), topic))
    yield from judge_all(what, len(names), wrong)


def _judge_subscriptions(subject: Subject, topic: str) -> Finding:
    """Say whether anybody gets what the topic is told."""
    pages = subject.stack.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [subscription["SubscriptionArn"] for page in pages for subscription in page["Subscriptions"]]
    if confirmed := sum(arn not in _UNCONFIRMED for arn in found):
        return Finding.ok(f"{confirmed} of {len(found)} subscriptions to the alarms are confirmed")
    subscribe = quote_command("aws sns subscribe --protocol email --notification-endpoint ADDRESS --topic-arn", topic)
    if found:
        return Finding.wrong(
            f"nobody is notified when an alarm fires: 0 of {len(found)} subscriptions are confirmed",
            f"follow the link in SNS's mail; {subscribe} sends another",
        )
    return Finding.wrong(
        "nobody is notified when an alarm fires: nobody has subscribed",
        f'put `alarm_email = "ADDRESS"` into stages/{subject.stage}.toml and deploy, or run {subscribe};'
        " then follow the link in SNS's mail",
    )


def _describe_alarms(subject: Subject, names: list[str]) -> "dict[str, Alarm]":
    pages = (
        subject.stack.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    )
    alarms: dict[str, Alarm] = {}
    for page in pages:
        for metric_alarm in page.get("MetricAlarms", ()):
            alarms[metric_alarm["AlarmName"]] = metric_alarm
        for composite_alarm in page.get("CompositeAlarms", ()):
            alarms[composite_alarm["AlarmName"]] = composite_alarm
    return alarms


def _judge_alarm(subject: Subject, name: str, alarm: "Alarm | None", topic: str) -> Iterator[Finding]:
    """Say what is not as it should be with an alarm; nothing if all is."""
    if alarm is None:
        synth = quote_command("cdk synth -c sender_email=ADDRESS -c", f"stage={subject.stage}")
        yield Finding.wrong(f"{name} was deleted by hand", f"create it again as the template has it: {synth}")
        return
    if not alarm["ActionsEnabled"]:
        yield Finding.wrong(
            f"{name} notifies nobody: its actions are off",
            f"run {quote_command('aws cloudwatch enable-alarm-actions --alarm-names', name)}",
        )
    if topic not in alarm["AlarmActions"]:
        yield Finding.wrong(f"{name} notifies nobody: the alarm topic is none of its actions", f"add {topic} to them")
    if alarm["StateValue"] == "ALARM":
        alarm_id = name.removeprefix(f"{subject.stack.name}-")
        since = alarm.get("StateTransitionedTimestamp", alarm["StateUpdatedTimestamp"]).astimezone(UTC)
        yield Finding.wrong(f"{name} fires, since {since:%Y-%m-%d %H:%M} UTC", f"follow docs/runbooks/{alarm_id}.md")


PROBES: Final = (
    Probe(
        id="A9",
        group="Alarms",
        asks="an alarm that fires reaches a person, and none fires now",
        ask=examine_notices,
        actions=("cloudformation:ListStackResources", "cloudwatch:DescribeAlarms", "sns:ListSubscriptionsByTopic"),
        page="runbooks/README.md",
    ),
)
