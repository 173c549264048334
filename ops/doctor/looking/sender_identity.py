"""The sender's identity in SES before a deploy: an address or a domain exists once in an account and region.

Two stages with one sender therefore share it, and it may belong to a stack, which takes it along when it is destroyed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from ops.doctor.looking.mail_sending import judge_sender
from ops.doctor.probe import Finding
from ops.doctor.subject import Subject
from ops.mail.addresses import Address, find_voucher

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceTypeDef

_SENDER: Final = "SenderEmail"
_KEPT: Final = frozenset({"Retain", "RetainExceptOnCreate"})


def foresee_identity(subject: Subject, identities: Sequence[Address]) -> Finding:
    """Say what the deploy will make of the sender among these identities: dev creates its own, prod needs one."""
    if (address := subject.stack.outputs.get(_SENDER)) is None:
        return _foresee_any(subject, identities)
    sender = find_voucher(address, {one.address: one.status for one in identities}.get)
    if subject.stage == "prod":
        return judge_sender(sender)
    if sender.identity != address:
        return Finding.ok(f"the deploy creates the identity {address}, and SES mails it a link: follow it within a day")
    owner = _find_owner(subject, address)
    if owner and owner["StackName"] == subject.stack.name:
        return Finding.ok(f"{address} is an identity of this very stack")
    return Finding.wrong(
        f"{address} is an identity in SES already, and a deploy that creates it fails",
        f"put `create_sender_identity = false` into stages/{subject.stage}.toml",
    )


def _foresee_any(subject: Subject, identities: Sequence[Address]) -> Finding:
    """Say what can be said while nobody has named the sender."""
    verified = sum(one.is_verified for one in identities)
    if subject.stage == "prod" and not verified:
        return Finding.wrong(
            "SES knows no verified address or domain, and prod creates none",
            "verify your domain (docs/leaving-the-sandbox.md)",
        )
    return Finding.ok(
        f"verified identities in SES: {verified} of {len(identities)}; `--sender ADDRESS` asks about yours"
    )


def examine_owners(subject: Subject) -> Iterator[Finding]:
    """Say whether another stack takes the sender's identity along when it is destroyed."""
    if (address := subject.stack.outputs.get(_SENDER)) is None:
        return
    for identity in (address, address.rpartition("@")[2]):
        owner = _find_owner(subject, identity)
        if owner is None or owner["StackName"] == subject.stack.name:
            continue
        yield _judge_owner(subject, identity, owner)


def _judge_owner(subject: Subject, identity: str, owner: "StackResourceTypeDef") -> Finding:
    name = owner["StackName"]
    belongs = f"{identity} belongs to the stack {name}"
    template: Any = subject.stack.client("cloudformation").get_template(StackName=name)["TemplateBody"]
    if not isinstance(template, Mapping):  # in YAML, which CDK never writes
        return Finding.unclear(
            f"{belongs}, and it is not known whether it is destroyed with it", f"look up its DeletionPolicy in {name}"
        )
    if template["Resources"][owner["LogicalResourceId"]].get("DeletionPolicy") in _KEPT:
        return Finding.ok(f"{belongs}, which leaves it when it is destroyed")
    return Finding.wrong(
        f"{belongs}: when that is destroyed, SES refuses this stack's mails",
        f"give the identity in {name} the deletion policy Retain before you destroy it;"
        " a stage of this project gets it when this version is deployed",
    )


def _find_owner(subject: Subject, identity: str) -> "StackResourceTypeDef | None":
    """Find the stack's resource that an identity is; None if no stack created it."""
    cloudformation = subject.stack.client("cloudformation")
    try:
        found = cloudformation.describe_stack_resources(PhysicalResourceId=identity)["StackResources"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return None
    return next((one for one in found if one["ResourceType"] == "AWS::SES::EmailIdentity"), None)
