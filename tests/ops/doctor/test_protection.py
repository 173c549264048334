"""The probe of what keeps the data, against every answer that AWS may give."""

import json
import subprocess
from collections.abc import Mapping

import pytest

from infra.pipeline import queues
from ops.doctor.looking import protection
from ops.doctor.probe import Verdict
from tests.ops.doctor.healthy_protection import (
    HEALTHY,
    describe_backups,
    describe_key,
    describe_queues,
    describe_table,
    queue_arn,
)
from tests.ops.doctor.healthy_stack import KEY, OUTPUTS, QUEUES, TABLES
from tests.ops.doctor.recorded import DENIED, Answer, ask, deny_after_first

(A10,) = protection.PROBES
ANOTHER = "arn:aws:kms:eu-west-1:123456789012:key/another"
_ORDER_QUEUE = {"QueueUrl": OUTPUTS["OrderQueueUrl"], "AttributeNames": ["QueueArn", "KmsMasterKeyId"]}


def test_the_repair_of_a_queue_sets_what_a_deploy_sets() -> None:
    assert protection.DELIVERIES == queues.DELIVERIES


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_what_a_deploy_makes_is_ok(stage: str) -> None:
    examined = ask(A10, HEALTHY, stage=stage, **OUTPUTS)
    assert examined.verdict is Verdict.OK
    assert "5 of 5 queues are encrypted with the stack's key" in [one.text for one in examined.findings]


def test_dev_may_be_deleted() -> None:
    unprotected = {"dynamodb.DescribeTable": describe_table(protected=False)}
    assert ask(A10, {**HEALTHY, **unprotected}, stage="dev", **OUTPUTS).verdict is Verdict.OK


def test_a_table_that_is_being_changed_can_be_used() -> None:
    assert ask(A10, {**HEALTHY, "dynamodb.DescribeTable": describe_table(status="UPDATING")}, **OUTPUTS).verdict == "OK"


@pytest.mark.parametrize(
    ("answers", "number", "remedy"),
    [
        ({"kms.DescribeKey": describe_key("Disabled")}, 1, f"`aws kms enable-key --key-id {KEY}`"),
        ({"kms.DescribeKey": describe_key("PendingDeletion")}, 1, f"`aws kms cancel-key-deletion --key-id {KEY}`"),
        ({"kms.GetKeyRotationStatus": {"KeyRotationEnabled": False}}, 1, "`aws kms enable-key-rotation --key-id"),
        ({"sqs.GetQueueAttributes": describe_queues(ANOTHER)}, len(QUEUES), f"KmsMasterKeyId={KEY} --queue-url https"),
        ({"sqs.GetQueueAttributes": describe_queues(dlqs={})}, 2, "aws sqs set-queue-attributes --cli-input-json"),
        (
            {
                "sqs.GetQueueAttributes": describe_queues(
                    dlqs={"OrderQueue": "ReleaseDlq", "MailEvents": "MailEventDlq"}
                )
            },
            1,
            "OrderDlq",
        ),
        ({"sns.GetSubscriptionAttributes": {"Attributes": {}}}, 1, "aws sns set-subscription-attributes"),
        ({"sns.GetTopicAttributes": {"Attributes": {}}}, 2, f"--attribute-value {KEY} --topic-arn arn:"),
        ({"dynamodb.DescribeTable": describe_table(key=ANOTHER)}, 2, f"KMSMasterKeyId={KEY} --table-name {TABLES[0]}"),
        (
            {"dynamodb.DescribeTable": {"Table": {"TableStatus": "ACTIVE", "DeletionProtectionEnabled": True}}},
            2,
            "SSEType=KMS",
        ),
        (
            {"dynamodb.DescribeTable": describe_table(status="INACCESSIBLE_ENCRYPTION_CREDENTIALS")},
            len(TABLES),
            "`orders doctor A6`",
        ),
        ({"dynamodb.DescribeTable": describe_table(status="ARCHIVED")}, len(TABLES), "restore it from its backup"),
        ({"dynamodb.DescribeTable": describe_table(status="DELETING")}, len(TABLES), "find out who"),
        ({"dynamodb.DescribeTable": describe_table(protected=False)}, 2, "--deletion-protection-enabled --table-name"),
        ({"dynamodb.DescribeContinuousBackups": describe_backups("DISABLED")}, 2, "PointInTimeRecoveryEnabled=true"),
    ],
)
def test_each_that_is_not_kept_is_named_with_its_remedy(
    answers: Mapping[str, Answer], number: int, remedy: str
) -> None:
    wrong = [
        one
        for one in ask(A10, {**HEALTHY, **answers}, stage="prod", **OUTPUTS).findings
        if one.verdict is Verdict.WRONG
    ]
    assert len(wrong) == number
    assert remedy in (wrong[0].remedy or "")


def test_the_command_that_restores_a_queues_redrive_arrives_in_the_shell_as_a_deploy_sets_it() -> None:
    answers = {**HEALTHY, "sqs.GetQueueAttributes": describe_queues(dlqs={"MailEvents": "MailEventDlq"})}
    (wrong,) = (one for one in ask(A10, answers, **OUTPUTS).findings if one.verdict is Verdict.WRONG)
    argument = (wrong.remedy or "").partition("--cli-input-json ")[2].removesuffix("`")
    shell = subprocess.run(["sh", "-c", f"printf %s {argument}"], capture_output=True, text=True, check=True)  # noqa: S603, S607
    request = json.loads(shell.stdout)
    assert request["QueueUrl"] == OUTPUTS["OrderQueueUrl"]
    assert json.loads(request["Attributes"]["RedrivePolicy"]) == {
        "deadLetterTargetArn": queue_arn("OrderDlq"),
        "maxReceiveCount": queues.DELIVERIES,
    }


@pytest.mark.parametrize("operation", HEALTHY)
def test_the_permission_that_lacks_is_named(operation: str) -> None:
    examined = ask(A10, {**HEALTHY, operation: DENIED}, **OUTPUTS)
    assert examined.verdict is Verdict.CANNOT_SAY
    assert examined.findings[-1].text.removeprefix("not allowed: ") in A10.actions


@pytest.mark.parametrize(
    "answers",
    [
        {"kms.DescribeKey": describe_key("Disabled"), "sqs.GetQueueAttributes": DENIED},
        {"sqs.GetQueueAttributes": deny_after_first(describe_queues(ANOTHER)(_ORDER_QUEUE))},
        {"sns.GetTopicAttributes": deny_after_first({"Attributes": {}})},
        {"dynamodb.DescribeTable": deny_after_first(describe_table(key=ANOTHER))},
        {"dynamodb.DescribeTable": describe_table(key=ANOTHER), "dynamodb.DescribeContinuousBackups": DENIED},
    ],
)
def test_what_was_found_is_kept_when_a_later_call_is_refused(answers: Mapping[str, Answer]) -> None:
    examined = ask(A10, {**HEALTHY, **answers}, **OUTPUTS)
    assert [one.verdict for one in examined.findings[-2:]] == [Verdict.WRONG, Verdict.CANNOT_SAY]


def test_a_redrive_that_is_wrong_is_kept_when_the_subscription_may_not_be_asked() -> None:
    answers: Mapping[str, Answer] = {
        "sqs.GetQueueAttributes": describe_queues(dlqs={}),
        "sns.GetSubscriptionAttributes": DENIED,
    }
    verdicts = [one.verdict for one in ask(A10, {**HEALTHY, **answers}, **OUTPUTS).findings]
    assert verdicts[-3:] == [Verdict.WRONG, Verdict.WRONG, Verdict.CANNOT_SAY]


def test_a_stack_without_a_key_is_another_versions() -> None:
    nothing: Answer = {"StackResourceSummaries": []}
    assert ask(A10, {**HEALTHY, "cloudformation.ListStackResources": nothing}, **OUTPUTS).verdict is Verdict.CANNOT_SAY


def test_the_local_aws_is_asked_as_far_as_it_goes() -> None:
    examined = ask(A10, HEALTHY, stage="local", **OUTPUTS)
    assert examined.verdict is Verdict.OK
    assert examined.findings[-1].verdict is Verdict.NOT_LOCAL
