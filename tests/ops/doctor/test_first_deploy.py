"""The probes before a first deploy, against every answer that AWS may give."""

from collections.abc import Mapping

import pytest

from ops.doctor.looking.first_deploy import PROBES
from ops.doctor.probe import Verdict
from tests.ops.doctor.healthy_deployed_versions import describe_stack
from tests.ops.doctor.healthy_first_deploy import (
    HEALTHY,
    describe_template,
    list_identities,
    list_policies,
    own_identity,
)
from tests.ops.doctor.healthy_mail_sending import describe_account, spend
from tests.ops.doctor.healthy_quotas import grant_concurrency
from tests.ops.doctor.healthy_stack import SENDER
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer, Refusal, ask

BY_ID = {probe.id: probe for probe in PROBES}
PROD = "order-processing-prod"
SANDBOX = {"sesv2.GetAccount": describe_account(ProductionAccessEnabled=False)}
NO_PARAMETER = Refusal("ParameterNotFound")


@pytest.mark.parametrize("id_", BY_ID)
@pytest.mark.parametrize("stage", ["dev", "prod"])
@pytest.mark.parametrize("named", [{}, {"SenderEmail": SENDER}])
def test_an_account_that_is_ready_is_ok(id_: str, stage: str, named: Mapping[str, str]) -> None:
    assert ask(BY_ID[id_], HEALTHY, stage=stage, **named).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (NO_PARAMETER, "account 123456789012, region eu-west-1 is not bootstrapped"),
        ({"Parameter": {"Value": "5"}}, "version 5; 6 is needed"),
    ],
)
def test_an_account_without_its_bootstrap_gets_the_command(answer: Answer, text: str) -> None:
    (finding,) = ask(BY_ID["P1"], {**HEALTHY, "ssm.GetParameter": answer}).findings
    assert finding.verdict is Verdict.WRONG
    assert text in finding.text
    assert finding.remedy == "run `cdk bootstrap -c sender_email=ADDRESS -c stage=dev`"


@pytest.mark.parametrize(
    ("stage", "identities", "verdict", "says"),
    [
        ("prod", list_identities(domain="SUCCESS"), Verdict.OK, f"{SENDER} is verified by example.com"),
        ("prod", list_identities(sender="SUCCESS"), Verdict.OK, f"{SENDER} is verified"),
        ("prod", list_identities(sender="PENDING"), Verdict.WRONG, "not verified (PENDING)"),
        (
            "prod",
            list_identities(domain="PENDING"),
            Verdict.WRONG,
            f"neither the sender {SENDER} nor a verified domain",
        ),
        ("prod", list_identities(), Verdict.WRONG, f"neither the sender {SENDER} nor a verified domain"),
        ("dev", list_identities(), Verdict.OK, f"the deploy creates the identity {SENDER}"),
        ("dev", list_identities(domain="SUCCESS"), Verdict.OK, f"the deploy creates the identity {SENDER}"),
        ("dev", list_identities(sender="SUCCESS"), Verdict.OK, "of this very stack"),
    ],
)
def test_dev_creates_the_senders_identity_and_prod_needs_it(
    stage: str, identities: Answer, verdict: Verdict, says: str
) -> None:
    answers = {**HEALTHY, "sesv2.ListEmailIdentities": identities}
    examined = ask(BY_ID["P2"], answers, stage=stage, SenderEmail=SENDER)
    assert examined.verdict is verdict
    assert says in examined.findings[-1].text


@pytest.mark.parametrize("owner", [own_identity("of-somebody-else"), own_identity("any", "another@example.com")])
def test_an_identity_that_dev_would_create_again_is_left_out_of_the_deploy(owner: Answer) -> None:
    answers = {
        **HEALTHY,
        "sesv2.ListEmailIdentities": list_identities(sender="SUCCESS"),
        "cloudformation.DescribeStackResources": owner,
    }
    finding = ask(BY_ID["P2"], answers, SenderEmail=SENDER).findings[-1]
    assert finding.verdict is Verdict.WRONG
    assert "`create_sender_identity = false` into stages/dev.toml" in (finding.remedy or "")


def test_an_account_that_has_sent_its_mails_of_the_day_is_wrong() -> None:
    spent = {**HEALTHY, "sesv2.GetAccount": describe_account(SendQuota=spend(200, 200))}
    assert "200 of at most 200" in ask(BY_ID["P2"], spent).findings[0].text
    assert ask(BY_ID["P2"], spent).verdict is Verdict.WRONG


def test_a_prod_without_any_verified_identity_is_wrong_whoever_sends() -> None:
    nothing = {**HEALTHY, "sesv2.ListEmailIdentities": list_identities(sender="PENDING")}
    assert ask(BY_ID["P2"], nothing, stage="prod").verdict is Verdict.WRONG
    assert ask(BY_ID["P2"], nothing, stage="dev").verdict is Verdict.OK


def test_prod_in_the_sandbox_needs_its_switch_and_dev_has_it() -> None:
    answers = {**HEALTHY, **SANDBOX}
    (wrong,) = (one for one in ask(BY_ID["P2"], answers, stage="prod").findings if one.verdict is Verdict.WRONG)
    assert "`ses_sandbox = true` into stages/prod.toml" in (wrong.remedy or "")
    assert ask(BY_ID["P2"], answers, stage="dev").verdict is Verdict.OK


@pytest.mark.parametrize(
    ("status", "protected", "verdict", "says"),
    [
        ("UPDATE_COMPLETE", True, Verdict.OK, "is UPDATE_COMPLETE"),
        ("REVIEW_IN_PROGRESS", False, Verdict.OK, f"there is no {PROD} yet"),
        ("ROLLBACK_COMPLETE", False, Verdict.OK, f"`cdk deploy` deletes {PROD} first"),
        ("ROLLBACK_COMPLETE", True, Verdict.WRONG, f"--no-enable-termination-protection --stack-name {PROD}`"),
        ("ROLLBACK_FAILED", True, Verdict.WRONG, f"--no-enable-termination-protection --stack-name {PROD}`"),
        ("DELETE_IN_PROGRESS", False, Verdict.CANNOT_SAY, "wait"),
    ],
)
def test_an_earlier_deploy_that_failed_is_taken_out_of_the_way(
    status: str, protected: bool, verdict: Verdict, says: str
) -> None:
    described = describe_stack(status, name=PROD, EnableTerminationProtection=protected)
    (finding,) = ask(BY_ID["P3"], {**HEALTHY, "cloudformation.DescribeStacks": described}, stage="prod").findings
    assert finding.verdict is verdict
    assert says in f"{finding.text} {finding.remedy}"


@pytest.mark.parametrize("identity", [SENDER, "example.com"])
@pytest.mark.parametrize(
    ("template", "verdict"),
    [
        (describe_template(DeletionPolicy="Retain"), Verdict.OK),
        (describe_template(DeletionPolicy="RetainExceptOnCreate"), Verdict.OK),
        (describe_template(DeletionPolicy="Delete"), Verdict.WRONG),
        (describe_template(), Verdict.WRONG),
        ({"TemplateBody": "Resources: {}"}, Verdict.CANNOT_SAY),
    ],
)
def test_a_stack_that_would_take_the_sender_along_is_named(identity: str, template: Answer, verdict: Verdict) -> None:
    answers = {
        **HEALTHY,
        "cloudformation.DescribeStackResources": own_identity("order-processing-dev", identity),
        "cloudformation.GetTemplate": template,
    }
    examined = ask(BY_ID["P3"], answers, stage="prod", SenderEmail=SENDER)
    assert examined.verdict is verdict
    assert f"{identity} belongs to the stack order-processing-dev" in examined.findings[-1].text


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"lambda.GetAccountSettings": grant_concurrency(10)}, "request-service-quota-increase"),
        ({"logs.DescribeResourcePolicies": list_policies([f"policy{n}" for n in range(10)])}, "delete-resource-policy"),
    ],
)
def test_a_quota_that_is_used_up_is_named(answers: Mapping[str, Answer], says: str) -> None:
    (wrong,) = (
        one for one in ask(BY_ID["P4"], {**HEALTHY, **answers}, stage="prod").findings if one.verdict is Verdict.WRONG
    )
    assert says in (wrong.remedy or "")


def test_ten_policies_suffice_if_one_is_that_of_log_delivery() -> None:
    names = ["AWSLogDeliveryWrite20150319", *(f"policy{n}" for n in range(9))]
    answers = {**HEALTHY, "logs.DescribeResourcePolicies": list_policies(names)}
    assert ask(BY_ID["P4"], answers, stage="prod").verdict is Verdict.OK


@pytest.mark.parametrize(
    ("id_", "operation"),
    [
        ("P1", "sts.GetCallerIdentity"),
        ("P1", "ssm.GetParameter"),
        ("P2", "sesv2.GetAccount"),
        ("P2", "sesv2.ListEmailIdentities"),
        ("P3", "cloudformation.DescribeStacks"),
        ("P3", "cloudformation.DescribeStackResources"),
        ("P3", "cloudformation.GetTemplate"),
        ("P4", "lambda.GetAccountSettings"),
        ("P4", "logs.DescribeResourcePolicies"),
    ],
)
@pytest.mark.parametrize("refusal", [DENIED, THROTTLED])
def test_what_aws_does_not_answer_is_not_said(id_: str, operation: str, refusal: Refusal) -> None:
    examined = ask(BY_ID[id_], {**HEALTHY, operation: refusal}, stage="prod", SenderEmail=SENDER)
    assert examined.verdict is Verdict.CANNOT_SAY
    if refusal is DENIED:
        assert examined.findings[-1].text.removeprefix("not allowed: ") in BY_ID[id_].actions
