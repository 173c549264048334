"""Probes before the first deploy of a stage: what AWS would refuse, or what would have to be repaired afterwards."""

from collections.abc import Iterator
from typing import Final

from botocore.exceptions import ClientError

from ops.doctor.looking.mail_sending import judge_account
from ops.doctor.looking.quotas import judge_concurrency
from ops.doctor.looking.sender_identity import examine_owners, foresee_identity
from ops.doctor.looking.stack_status import NEVER_CREATED, judge_status
from ops.doctor.probe import Finding, Probe
from ops.doctor.subject import Subject
from ops.mail.addresses import Mail
from ops.shell import quote_command

_GROUP: Final = "Before the first deploy"
BOOTSTRAP: Final = "/cdk-bootstrap/hnb659fds/version"  # CDK's own name for it, with the qualifier it has by default
BOOTSTRAP_NEEDED: Final = 6  # by the template that CDK writes
_MOST_POLICIES: Final = 10  # of an account in a region; AWS raises it for nobody
_DELIVERY_POLICY: Final = "AWSLogDeliveryWrite20150319"  # the one that log delivery makes, and extends later


def examine_bootstrap(subject: Subject) -> Iterator[Finding]:
    """Say which account it is, and whether CDK can deploy to it."""
    where = f"account {subject.account}, region {subject.stack.region}"
    remedy = f"run {quote_command('cdk bootstrap -c sender_email=ADDRESS -c', f'stage={subject.stage}')}"
    ssm = subject.stack.client("ssm")
    try:
        version = int(ssm.get_parameter(Name=BOOTSTRAP)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        yield Finding.wrong(f"{where} is not bootstrapped: CDK cannot deploy to it", remedy)
        return
    if version < BOOTSTRAP_NEEDED:
        yield Finding.wrong(f"{where} is bootstrapped in version {version}; {BOOTSTRAP_NEEDED} is needed", remedy)
    else:
        yield Finding.ok(f"{where}: bootstrapped, version {version}")


def examine_sender(subject: Subject) -> Iterator[Finding]:
    """Say whether SES will send for the account, and what the deploy will do about the sender's identity."""
    mail = Mail(subject.stack.client("sesv2"))
    account = mail.account()
    yield from judge_account(account)
    if account.in_sandbox and subject.stage == "prod":
        yield Finding.wrong(
            "the account is in the sandbox, where SES checks each recipient's identity too:"
            " a prod deployed by default mails nobody",
            "put `ses_sandbox = true` into stages/prod.toml, or leave the sandbox first (docs/leaving-the-sandbox.md)",
        )
    yield foresee_identity(subject, mail.identities())


def examine_leftovers(subject: Subject) -> Iterator[Finding]:
    """Look for an earlier try of this stack, and for the stack that the sender's identity goes away with."""
    yield _judge_earlier_deploy(subject)
    yield from examine_owners(subject)


def _judge_earlier_deploy(subject: Subject) -> Finding:
    name = subject.stack.name
    try:
        found = subject.describe_stack()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return Finding.ok(f"there is no {name} yet")
    if found["StackStatus"] == "REVIEW_IN_PROGRESS":  # somebody has looked at what a deploy would create
        return Finding.ok(f"there is no {name} yet")
    if found["StackStatus"] in NEVER_CREATED and not found.get("EnableTerminationProtection"):
        return Finding.ok(f"an earlier deploy failed ({found['StackStatus']}): `cdk deploy` deletes {name} first")
    return judge_status(found)


def examine_quotas(subject: Subject) -> Iterator[Finding]:
    """Look at the quotas that a deploy or the first orders would reach."""
    yield judge_concurrency(subject)
    pages = subject.stack.client("logs").get_paginator("describe_resource_policies").paginate()
    names = [policy["policyName"] for page in pages for policy in page["resourcePolicies"]]
    text = f"CloudWatch Logs has {len(names)} of at most {_MOST_POLICIES} resource policies"
    if len(names) >= _MOST_POLICIES and _DELIVERY_POLICY not in names:
        yield Finding.wrong(
            f"{text}, and none for log delivery: the state machine with its log cannot be created",
            "delete one that is not needed: `aws logs describe-resource-policies` shows them,"
            " `aws logs delete-resource-policy --policy-name NAME` deletes one",
        )
    else:
        yield Finding.ok(text)


PROBES: Final = (
    Probe(
        id="P1",
        group=_GROUP,
        asks="CDK can deploy to this account and region",
        ask=examine_bootstrap,
        actions=("ssm:GetParameter", "sts:GetCallerIdentity"),
        page="deploying.md#by-hand",
    ),
    Probe(
        id="P2",
        group=_GROUP,
        asks="SES will send from the sender, and the deploy may create its identity",
        ask=examine_sender,
        actions=("cloudformation:DescribeStackResources", "ses:GetAccount", "ses:ListEmailIdentities"),
        page="leaving-the-sandbox.md",
    ),
    Probe(
        id="P3",
        group=_GROUP,
        asks="nothing is left of an earlier deploy that failed, and no other stack takes the sender with it",
        ask=examine_leftovers,
        actions=(
            "cloudformation:DescribeStackResources",
            "cloudformation:DescribeStacks",
            "cloudformation:GetTemplate",
        ),
        page="deploying.md",
    ),
    Probe(
        id="P4",
        group=_GROUP,
        asks="the account's quotas suffice",
        ask=examine_quotas,
        actions=("lambda:GetAccountSettings", "logs:DescribeResourcePolicies"),
        page="scaling.md",
    ),
)
