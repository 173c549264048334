"""Probe of the key's policy: who may use the key, by the names that AWS has really given."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ops.doctor.looking.resource_policy import Request, UnknownCondition, is_allowed, read_principals
from ops.doctor.probe import Finding, Probe, Verdict
from ops.doctor.subject import Subject
from ops.shell import quote_command

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import LogGroupTypeDef

_SEND: Final = ("kms:Decrypt", "kms:GenerateDataKey")
_STORE: Final = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:GenerateDataKey", "kms:DescribeKey")


@dataclass(frozen=True)
class _User:
    """Somebody who needs the key, and how KMS sees them ask for it."""

    arn: str
    principal: str
    context: dict[str, str]


@dataclass(frozen=True)
class _Need:
    """What a kind of users needs the key for, and the statement that allows it."""

    who: str
    statement: str
    actions: tuple[str, ...]
    users: list[_User]


def examine_key_policy(subject: Subject) -> Iterator[Finding]:
    """Ask the policy, for each resource that AWS made, what KMS will ask it; and see that each log group has the key.

    A pattern that misses a name shows nowhere else: what the key is refused to is lost without an error.
    """
    key = subject.find_resource("AWS::KMS::Key", "Encryption").physical_id
    policy = subject.stack.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    for find_need in (_deliver_orders, _publish_orders, _notify_of_alarms, _send_events, _use_roles):
        try:
            need = find_need(subject)
        except UnknownCondition as error:
            yield Finding.unclear(f"whom the key must serve: {error}", "read the policy of the order topic")
        else:
            yield _judge_need(policy, key, need)
    groups = _describe_log_groups(subject)
    if subject.is_local:
        yield Finding(Verdict.NOT_LOCAL, "log groups have other names there than the key's policy knows")
    else:
        yield _judge_need(policy, key, _store_logs(subject, groups))
    yield from _judge_log_groups(subject, groups, subject.make_arn("kms", f"key/{key}"))


def _judge_need(policy: str, key: str, need: _Need) -> Finding:
    shown = quote_command("aws kms get-key-policy --policy-name default --key-id", key)
    try:
        refused = [user.arn.split(":", 5)[5] for user in need.users if not _may_use(policy, need, user)]
    except UnknownCondition as error:
        return Finding.unclear(f"whether the key serves {need.who}: {error}", f"read it: {shown}")
    if not need.users:
        return Finding.unclear(f"whether the key serves {need.who}: AWS names none")
    if refused:
        return Finding.wrong(
            f"the key's policy refuses {', '.join(refused)}, of {need.who}",
            f"restore the statement {need.statement} as infra/pipeline/encryption.py has it; {shown} shows it",
        )
    return Finding.ok(f"the key's policy serves {need.who}: {len(need.users)} of {len(need.users)}")


def _may_use(policy: str, need: _Need, user: _User) -> bool:
    return all(is_allowed(policy, Request(user.principal, action, "*", user.context)) for action in need.actions)


def _make_sender(service: str, arn: str) -> _User:
    """Give a service that acts for one of the stack's resources."""
    account = arn.split(":")[4]
    return _User(arn, f"{service}.amazonaws.com", {"aws:SourceArn": arn, "aws:SourceAccount": account})


def _deliver_orders(subject: Subject) -> _Need:
    topic = subject.stack["OrderTopicArn"]
    return _Need(
        "the order topic on its way to the queue",
        "AllowTopicToReachQueues",
        _SEND,
        [_make_sender("sns", topic)],
    )


def _publish_orders(subject: Subject) -> _Need:
    """Whoever may publish to the topic, by the topic's own policy."""
    topic = subject.stack["OrderTopicArn"]
    attributes = subject.stack.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    through = {
        "kms:ViaService": subject.make_host("sns"),
        "kms:EncryptionContext:aws:sns:topicArn": topic,
    }
    # An account's publishers need no permission of their own on the key, so the trust in the account's root is not it.
    users = [
        _User(arn, arn.replace(":root", ":role/any"), through | {"kms:CallerAccount": arn.split(":")[4]})
        for arn in sorted(read_principals(attributes["Policy"], "sns:Publish"))
    ]
    return _Need("those who may publish orders", "AllowPublishing…", _SEND, users)


def _notify_of_alarms(subject: Subject) -> _Need:
    names = [
        alarm.physical_id
        for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        for alarm in subject.find_resources(kind)
    ]
    pages = (
        subject.stack.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    )
    arns = [
        alarm["AlarmArn"]
        for page in pages
        for alarm in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ()))
    ]
    return _Need("alarms", "AllowAlarms", _SEND, [_make_sender("cloudwatch", arn) for arn in arns])


def _send_events(subject: Subject) -> _Need:
    """EventBridge's rules: each sends to a queue, if only what it could not deliver."""
    events = subject.stack.client("events")
    arns = [events.describe_rule(Name=rule.physical_id)["Arn"] for rule in subject.find_resources("AWS::Events::Rule")]
    return _Need("rules", "AllowEvents", _SEND, [_make_sender("events", arn) for arn in arns])


def _store_logs(subject: Subject, groups: list["LogGroupTypeDef"]) -> _Need:
    arns = [group["logGroupArn"] for group in groups]
    users = [_User(arn, subject.make_host("logs"), {"kms:EncryptionContext:aws:logs:arn": arn}) for arn in arns]
    return _Need("log groups", "AllowLogs", _STORE, users)


def _use_roles(subject: Subject) -> _Need:
    """The functions' roles use the key by policies of their own, which count only while the key trusts the account."""
    root = subject.make_arn("iam", "root", regional=False)
    return _Need("the account's roles", "for the account's root", _SEND, [_User(root, root, {})])


def _describe_log_groups(subject: Subject) -> list["LogGroupTypeDef"]:
    """Give the stack's log groups; AWS finds them by a beginning alone."""
    paginator = subject.stack.client("logs").get_paginator("describe_log_groups")
    return [
        found
        for group in subject.find_resources("AWS::Logs::LogGroup")
        for page in paginator.paginate(logGroupNamePrefix=group.physical_id)
        for found in page["logGroups"]
        if found["logGroupName"] == group.physical_id
    ]


def _judge_log_groups(subject: Subject, groups: list["LogGroupTypeDef"], key_arn: str) -> Iterator[Finding]:
    keys = {group["logGroupName"]: group.get("kmsKeyId") for group in groups}
    names = [group.physical_id for group in subject.find_resources("AWS::Logs::LogGroup")]
    for name in names:
        if name not in keys:
            create = quote_command(f"aws logs create-log-group --kms-key-id {key_arn} --log-group-name", name)
            yield Finding.wrong(f"the log group {name} is gone", f"run {create}")
        elif keys[name] != key_arn:
            encrypt = quote_command(f"aws logs associate-kms-key --kms-key-id {key_arn} --log-group-name", name)
            yield Finding.wrong(f"{name} is not encrypted with the stack's key", f"run {encrypt}")
    if encrypted := sum(keys.get(name) == key_arn for name in names):
        yield Finding.ok(f"{encrypted} of {len(names)} log groups are encrypted with the stack's key")


PROBES: Final = (
    Probe(
        id="A6",
        group="The key",
        asks="the key serves all that needs it, by the names AWS gave it",
        ask=examine_key_policy,
        actions=(
            "cloudformation:ListStackResources",
            "kms:GetKeyPolicy",
            "sns:GetTopicAttributes",
            "cloudwatch:DescribeAlarms",
            "events:DescribeRule",
            "logs:DescribeLogGroups",
        ),
        page="decisions/0008-one-key.md",
    ),
)
