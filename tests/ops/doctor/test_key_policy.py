"""The probe of the key's policy, against every answer that AWS may give."""

from collections.abc import Mapping
from typing import Any

import pytest

from ops.doctor.examination import Examined
from ops.doctor.looking.key_policy import PROBES
from ops.doctor.probe import Verdict
from tests.ops.doctor import recorded
from tests.ops.doctor.healthy_services import (
    FUNCTIONS,
    HEALTHY,
    KEY,
    KEY_STATEMENTS,
    OUTPUTS,
    ROOT,
    TOPIC,
    allow,
    describe_log_group,
    make_policy,
)
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer

(PROBE,) = PROBES


def ask(answers: Mapping[str, Answer], stage: str = "dev") -> Examined:
    return recorded.ask(PROBE, {**HEALTHY, **answers}, stage=stage, **OUTPUTS)


def change_policy(**statements: Any) -> Answer:
    """The key's policy with some statements changed, or away where None."""
    changed = {**KEY_STATEMENTS, **statements}
    return {"Policy": make_policy(*(statement for statement in changed.values() if statement))}


def test_all_that_need_the_key_are_tried_by_their_real_names() -> None:
    examined = ask({})
    assert examined.verdict is Verdict.OK
    assert [finding.text for finding in examined.findings] == [
        "the key's policy serves the order topic on its way to the queue: 1 of 1",
        "the key's policy serves those who may publish orders: 1 of 1",
        "the key's policy serves alarms: 3 of 3",
        "the key's policy serves rules: 2 of 2",
        "the key's policy serves the account's roles: 1 of 1",
        f"the key's policy serves log groups: {len(FUNCTIONS) + 1} of {len(FUNCTIONS) + 1}",
        f"{len(FUNCTIONS) + 1} of {len(FUNCTIONS) + 1} log groups are encrypted with the stack's key",
    ]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("topic", f"refuses {TOPIC.split(':', 5)[5]}, of the order topic on its way"),
        ("publishers", "refuses root, of those who may publish"),
        ("alarms", "refuses alarm:order-processing-dev-StepsFailing, alarm:"),
        ("events", "refuses rule/order-processing-dev-Abandoned-1, rule/"),
        ("logs", "refuses log-group:/aws/vendedlogs/states/order-processing-dev, log-group:"),
        ("root", "refuses root, of the account's roles"),
    ],
)
def test_a_statement_that_lacks_or_names_others_is_wrong(statement: str, says: str) -> None:
    bad = KEY_STATEMENTS[statement] | {"Principal": {"Service": "other.amazonaws.com"}}
    for changed in (None, bad, KEY_STATEMENTS[statement] | {"Action": "kms:Encrypt"}):
        examined = ask({"kms.GetKeyPolicy": change_policy(**{statement: changed})})
        (finding,) = (finding for finding in examined.findings if finding.verdict is Verdict.WRONG)
        assert says in finding.text
        assert "aws kms get-key-policy" in str(finding.remedy)


def test_a_publisher_whom_the_key_does_not_know_is_named() -> None:
    """It may publish, and KMS refuses what it publishes."""
    shop = "arn:aws:iam::210987654321:role/shop"
    attributes = {"Policy": make_policy(allow({"AWS": [ROOT, shop]}, "sns:Publish"))}
    examined = ask({"sns.GetTopicAttributes": {"Attributes": attributes}})
    assert "refuses role/shop, of those who may publish" in examined.findings[1].text
    known = allow({"AWS": shop}, ["kms:Decrypt", "kms:GenerateDataKey"])
    policy = change_policy(shop=known)
    assert ask({"sns.GetTopicAttributes": {"Attributes": attributes}, "kms.GetKeyPolicy": policy}).verdict is Verdict.OK


def test_a_log_group_that_lacks_the_key_or_is_gone_is_wrong() -> None:
    bare, gone = (f"order-processing-dev-{FUNCTIONS[number]}Logs1-1" for number in (0, 1))

    def describe(asked: Any) -> Any:
        group, other = describe_log_group(asked)["logGroups"]
        if group["logGroupName"] == bare:
            del group["kmsKeyId"]
        return {"logGroups": [other] if group["logGroupName"] == gone else [group, other]}

    examined = ask({"logs.DescribeLogGroups": describe})
    assert [(finding.text, finding.remedy) for finding in examined.findings[-3:]] == [
        (
            f"{bare} is not encrypted with the stack's key",
            f"run `aws logs associate-kms-key --kms-key-id {KEY} --log-group-name {bare}`",
        ),
        (
            f"the log group {gone} is gone",
            f"run `aws logs create-log-group --kms-key-id {KEY} --log-group-name {gone}`",
        ),
        (f"{len(FUNCTIONS) - 1} of {len(FUNCTIONS) + 1} log groups are encrypted with the stack's key", None),
    ]


def test_a_condition_that_is_not_understood_is_not_guessed() -> None:
    odd = KEY_STATEMENTS["alarms"] | {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
    examined = ask({"kms.GetKeyPolicy": change_policy(alarms=odd)})
    assert examined.verdict is Verdict.CANNOT_SAY
    assert "IpAddress" in examined.findings[2].text


def test_what_aws_does_not_name_is_not_counted_as_served() -> None:
    examined = ask({"cloudwatch.DescribeAlarms": {"MetricAlarms": [], "CompositeAlarms": []}})
    assert examined.findings[2].text == "whether the key serves alarms: AWS names none"
    assert examined.verdict is Verdict.CANNOT_SAY


@pytest.mark.parametrize(
    "operation",
    [
        "kms.GetKeyPolicy",
        "sns.GetTopicAttributes",
        "cloudwatch.DescribeAlarms",
        "events.DescribeRule",
        "logs.DescribeLogGroups",
    ],
)
def test_what_may_not_be_asked_is_named(operation: str) -> None:
    action = operation.replace(".", ":")
    assert ask({operation: DENIED}).findings[-1].text == f"not allowed: {action}"
    assert ask({operation: THROTTLED}).verdict is Verdict.CANNOT_SAY


def test_a_stack_without_the_key_is_of_another_version() -> None:
    examined = ask({"cloudformation.ListStackResources": {"StackResourceSummaries": []}})
    assert examined.findings[0].text == "the stack has no AWS::KMS::Key Encryption, and this version's has one"


def test_the_local_aws_names_its_log_groups_otherwise() -> None:
    examined = ask({"kms.GetKeyPolicy": change_policy(logs=None)}, stage="local")
    assert examined.verdict is Verdict.OK
    assert Verdict.NOT_LOCAL in {finding.verdict for finding in examined.findings}


def test_publishers_that_a_policy_names_by_what_they_may_not_do_are_not_guessed() -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "NotAction": "sns:Subscribe", "Resource": "*"}
    examined = ask({"sns.GetTopicAttributes": {"Attributes": {"Policy": make_policy(statement)}}})
    assert examined.verdict is Verdict.CANNOT_SAY
    assert "whom the key must serve: statement without a name has a NotAction" in [
        one.text for one in examined.findings
    ]
