"""Probe of what keeps the data: encryption with the stack's key, dead-letter queues, recovery, deletion protection."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from ops.doctor.probe import Finding, Probe, judge_all
from ops.doctor.subject import Subject
from ops.shell import quote_command

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeFilterType, QueueAttributeNameType

_USABLE: Final = frozenset({"ACTIVE", "UPDATING"})
# Each queue that is polled, and where its messages go after the last delivery: the stack's outputs.
_REDRIVES: Final = {"OrderQueueUrl": "OrderDlqUrl", "MailEventQueueUrl": "MailEventDlqUrl"}
_ATTRIBUTES: "Final[tuple[QueueAttributeFilterType, ...]]" = ("KmsMasterKeyId", "QueueArn", "RedrivePolicy")
# What becomes of a table that can be neither read nor written, and the way out of it.
_TABLE_REMEDIES: Final = {
    "INACCESSIBLE_ENCRYPTION_CREDENTIALS": (
        f"enable the key and restore its policy, which {quote_command('orders doctor A6')} tries"
    ),
    "ARCHIVED": "restore it from its backup, which `aws dynamodb describe-table` names as ArchivalBackupArn",
}
DELIVERIES: Final = 12  # the last one's number, as infra/pipeline/queues.py sets it


def examine_protection(subject: Subject) -> Iterator[Finding]:
    """Look at the key, and at each queue, topic and table."""
    key = subject.find_resource("AWS::KMS::Key").physical_id
    yield from list(_judge_key(subject, key)) or [Finding.ok("the stack's key is enabled and rotated")]
    queues = [found.physical_id for found in subject.find_resources("AWS::SQS::Queue")]
    wrong = (finding for url in queues for finding in _judge_queue(subject, url, key))
    yield from judge_all("queues are encrypted with the stack's key", len(queues), wrong)
    yield from judge_all("sources have their dead-letter queue", len(_REDRIVES) + 1, _judge_redrives(subject))
    if subject.is_local:
        yield Finding.not_local("the topics' and tables' encryption, recovery and deletion protection: it has none")
        return
    topics = [found.physical_id for found in subject.find_resources("AWS::SNS::Topic")]
    wrong = (finding for topic in topics for finding in _judge_topic(subject, topic, key))
    yield from judge_all("topics are encrypted with the stack's key", len(topics), wrong)
    tables = [found.physical_id for found in subject.find_resources("AWS::DynamoDB::Table")]
    wrong = (finding for table in tables for finding in _judge_table(subject, table, key))
    protected = ", and protected from deletion" if subject.stage == "prod" else ""
    what = f"tables are encrypted with the stack's key, recoverable{protected}"
    yield from judge_all(what, len(tables), wrong)


def _judge_key(subject: Subject, key: str) -> Iterator[Finding]:
    kms = subject.stack.client("kms")
    state = kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    enable = quote_command("aws kms enable-key --key-id", key)
    if state == "PendingDeletion":
        cancel = quote_command("aws kms cancel-key-deletion --key-id", key)
        yield Finding.wrong("the stack's key will be deleted, and with it all data", f"run {cancel}, then {enable}")
    elif state != "Enabled":
        yield Finding.wrong(f"the stack's key is {state}: nothing can be read or written", f"run {enable}")
    elif not kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]:
        rotate = quote_command("aws kms enable-key-rotation --key-id", key)
        yield Finding.wrong("the stack's key is not rotated", f"run {rotate}")


def _read_queue(subject: Subject, url: str) -> "Mapping[QueueAttributeNameType, str]":
    sqs = subject.stack.client("sqs")
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_ATTRIBUTES)["Attributes"]


def _judge_queue(subject: Subject, url: str, key: str) -> Iterator[Finding]:
    if not _is_key(_read_queue(subject, url).get("KmsMasterKeyId"), key):
        encrypt = quote_command(f"aws sqs set-queue-attributes --attributes KmsMasterKeyId={key} --queue-url", url)
        yield Finding.wrong(f"{_name(url)} is not encrypted with the stack's key", f"run {encrypt}")


def _judge_redrives(subject: Subject) -> Iterator[Finding]:
    """Judge where messages go that cannot be delivered: those of the polled queues, and SNS's to the order queue."""
    for source, target in _REDRIVES.items():
        url, dlq = subject.stack[source], _read_queue(subject, subject.stack[target])["QueueArn"]
        if _read_target(_read_queue(subject, url).get("RedrivePolicy")) != dlq:
            policy = json.dumps({"deadLetterTargetArn": dlq, "maxReceiveCount": DELIVERIES})
            wanted = json.dumps({"QueueUrl": url, "Attributes": {"RedrivePolicy": policy}})
            yield Finding.wrong(
                f"what {_name(url)} cannot deliver is lost: {_name(subject.stack[target])} does not get it",
                f"run {quote_command('aws sqs set-queue-attributes --cli-input-json', wanted)}",
            )
    subscription = subject.find_resource("AWS::SNS::Subscription", "IngestionOrderQueue").physical_id
    found = subject.stack.client("sns").get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    dlq = _read_queue(subject, subject.stack["OrderDlqUrl"])["QueueArn"]
    if _read_target(found.get("RedrivePolicy")) != dlq:
        set_it = f"aws sns set-subscription-attributes --subscription-arn {subscription} --attribute-name RedrivePolicy"
        policy = json.dumps({"deadLetterTargetArn": dlq})
        yield Finding.wrong(
            "an order that SNS cannot deliver to its queue is lost",
            f"run {quote_command(f'{set_it} --attribute-value', policy)}",
        )


def _read_target(redrive_policy: str | None) -> str | None:
    return json.loads(redrive_policy).get("deadLetterTargetArn") if redrive_policy else None


def _judge_topic(subject: Subject, topic: str, key: str) -> Iterator[Finding]:
    found = subject.stack.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    if not _is_key(found.get("KmsMasterKeyId"), key):
        encrypt = f"aws sns set-topic-attributes --attribute-name KmsMasterKeyId --attribute-value {key} --topic-arn"
        yield Finding.wrong(
            f"the topic {topic.rpartition(':')[2]} is not encrypted with the stack's key",
            f"run {quote_command(encrypt, topic)}",
        )


def _judge_table(subject: Subject, table: str, key: str) -> Iterator[Finding]:
    dynamodb = subject.stack.client("dynamodb")
    found = dynamodb.describe_table(TableName=table)["Table"]
    if (status := found["TableStatus"]) not in _USABLE:
        yield Finding.wrong(
            f"{table} is {status}: nothing can be read or written",
            _TABLE_REMEDIES.get(status, "find out who does that, in CloudTrail's events of the table"),
        )
        return
    if not _is_key(found.get("SSEDescription", {}).get("KMSMasterKeyArn"), key):
        encrypt = f"aws dynamodb update-table --sse-specification Enabled=true,SSEType=KMS,KMSMasterKeyId={key}"
        yield Finding.wrong(
            f"{table} is not encrypted with the stack's key", f"run {quote_command(f'{encrypt} --table-name', table)}"
        )
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    if backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") != "ENABLED":
        recover = (
            "aws dynamodb update-continuous-backups --point-in-time-recovery-specification"
            " PointInTimeRecoveryEnabled=true --table-name"
        )
        yield Finding.wrong(f"{table} cannot be recovered to a point in time", f"run {quote_command(recover, table)}")
    if subject.stage == "prod" and not found.get("DeletionProtectionEnabled"):
        protect = quote_command("aws dynamodb update-table --deletion-protection-enabled --table-name", table)
        yield Finding.wrong(f"{table} is not protected from deletion", f"run {protect}")


def _is_key(configured: str | None, key: str) -> bool:
    """Whether a resource names the key by its id or its ARN."""
    return (configured or "").rpartition("/")[2] == key


def _name(url: str) -> str:
    return url.rpartition("/")[2]


PROBES: Final = (
    Probe(
        id="A10",
        group="What keeps the data",
        asks="the key, queues, topics and tables are encrypted, recoverable and protected",
        ask=examine_protection,
        actions=(
            "cloudformation:ListStackResources",
            "dynamodb:DescribeContinuousBackups",
            "dynamodb:DescribeTable",
            "kms:DescribeKey",
            "kms:GetKeyRotationStatus",
            "sns:GetSubscriptionAttributes",
            "sns:GetTopicAttributes",
            "sqs:GetQueueAttributes",
        ),
        page="architecture.md",
    ),
)
