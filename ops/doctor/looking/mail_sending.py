"""Probe of SES: whether confirmations leave, and whether SES reports what became of them."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from functions.track_email.ses_events import SES_EVENTS
from ops.doctor.looking.resource_policy import Request, UnknownCondition, is_allowed, join_policies
from ops.doctor.probe import Finding, Probe
from ops.doctor.subject import Subject
from ops.mail.addresses import Address, Mail, SesAccount
from ops.shell import quote_command

if TYPE_CHECKING:
    from mypy_boto3_sesv2.type_defs import EventDestinationTypeDef, GetConfigurationSetResponseTypeDef

_ANY_RECIPIENT: Final = "anybody@example.invalid"  # whom no policy names
_CONSOLE: Final = "read why in the SES console, Account dashboard"


class _Option(NamedTuple):
    """An option of the configuration set: whether it is right, what follows if it is not, and the setting that is."""

    is_right: "Callable[[GetConfigurationSetResponseTypeDef], bool]"
    consequence: str
    setting: str


_OPTIONS: Final = (
    _Option(
        lambda found: found.get("SendingOptions", {}).get("SendingEnabled", True),
        "sending is paused for the stack's configuration set: SES refuses every confirmation",
        "sending-options --sending-enabled",
    ),
    _Option(
        lambda found: found.get("DeliveryOptions", {}).get("TlsPolicy") == "REQUIRE",
        "mails may leave unencrypted",
        "delivery-options --tls-policy REQUIRE",
    ),
    _Option(
        lambda found: {"BOUNCE", "COMPLAINT"} <= {*found.get("SuppressionOptions", {}).get("SuppressedReasons", ())},
        "an address that bounced or complained is mailed again",
        "suppression-options --suppressed-reasons BOUNCE COMPLAINT",
    ),
    _Option(
        lambda found: found.get("ReputationOptions", {}).get("ReputationMetricsEnabled", False),
        "SES counts no rates of bounces and complaints: MailsBouncing and MailsComplained never fire",
        "reputation-options --reputation-metrics-enabled",
    ),
)


def examine_mail(subject: Subject) -> Iterator[Finding]:
    """Look at the account, the sender, what SendEmail may use, and the configuration set."""
    mail = Mail(subject.stack.client("sesv2"))
    account = mail.account()
    yield from judge_account(account)
    sender = mail.address(subject.stack["SenderEmail"])
    yield judge_sender(sender)
    yield _judge_role(subject, account, sender)
    if subject.is_local:
        yield Finding.not_local("what became of a mail: its SES reports nothing, and no configuration set is deployed")
    else:
        yield from _examine_configuration_set(subject)


def judge_account(account: SesAccount) -> Iterator[Finding]:
    """Say whether SES sends anything for the account."""
    if not account.sending_enabled:
        yield Finding.wrong(
            "sending is paused: SES refuses every mail of this account",
            f"{_CONSOLE}; then run `aws sesv2 put-account-sending-attributes --sending-enabled`",
        )
    elif account.enforcement != "HEALTHY":
        yield Finding.wrong(f"SES has the account in the state {account.enforcement}", _CONSOLE)
    elif 0 < account.most_in_24_hours <= account.sent_in_24_hours:
        yield Finding.wrong(
            f"SES refuses mails: {account.sent_in_24_hours} of at most {account.most_in_24_hours} in 24 hours are sent",
            "wait, as each mail counts for 24 hours, or ask for more in Service Quotas, Amazon SES, Sending quota;"
            " in the sandbox, leave it (docs/leaving-the-sandbox.md)",
        )
    else:
        where = "in its sandbox" if account.in_sandbox else "out of its sandbox"
        yield Finding.ok(f"SES sends for this account, which is {where}: {account.most_in_a_second:g} mails a second")


def judge_sender(sender: Address) -> Finding:
    """Say whether SES sends from an address."""
    if sender.is_verified:
        by = f" by {sender.identity}" if sender.identity != sender.address else ""
        return Finding.ok(f"the sender {sender.address} is verified{by}")
    if sender.identity is None:
        return Finding.wrong(
            f"SES knows neither the sender {sender.address} nor a verified domain of it, and refuses every mail",
            "verify the domain (docs/leaving-the-sandbox.md), or the address:"
            f" run {_verify_command(sender)}, and follow the link in SES's mail",
        )
    return Finding.wrong(
        f"the sender {sender.address} is not verified ({sender.status}), and SES refuses every mail",
        f"follow the link in SES's mail, which is good for a day; {_verify_command(sender)} sends another",
    )


def _verify_command(sender: Address) -> str:
    return quote_command("aws ses verify-email-identity --email-address", sender.address)


def _judge_role(subject: Subject, account: SesAccount, sender: Address) -> Finding:
    """Say whether SendEmail may use those identities that SES checks: in the sandbox each recipient's too."""
    role = subject.find_resource("AWS::IAM::Role", "NotificationsSendEmailRole").physical_id
    policy = join_policies(_read_policies(subject, role))
    try:
        is_sender_allowed = sender.identity is None or _may_send(subject, policy, sender.address, sender.identity)
        is_any_allowed = _may_send(subject, policy, sender.address, _ANY_RECIPIENT)
    except UnknownCondition as error:
        shown = quote_command("aws iam list-role-policies --role-name", role)
        return Finding.unclear(f"whether SendEmail may send: {error}", f"read its policies: {shown} names them")
    if is_sender_allowed and is_any_allowed:
        return _judge_wildcard(subject, account)
    if account.in_sandbox and subject.is_local:
        return Finding.not_local("the local SES checks no role, in its sandbox either")
    if account.in_sandbox and not is_any_allowed:
        return Finding.wrong(
            "in the sandbox SES checks each recipient's identity too, and SendEmail may use the sender's alone:"
            " mails to verified recipients are refused",
            f"put `ses_sandbox = true` into stages/{subject.stage}.toml and deploy, or leave the sandbox"
            " (docs/leaving-the-sandbox.md)",
        )
    if not is_sender_allowed:
        return Finding.wrong(
            f"SES checks the identity {sender.identity}, and SendEmail may not use it",
            "restore the policies of its role as infra/pipeline/notifications.py has them"
            if sender.identity == sender.address
            else f"verify the address: run {_verify_command(sender)}, or put `create_sender_identity = false` into"
            f" stages/{subject.stage}.toml and deploy",
        )
    return Finding.ok("SendEmail may use the sender's identity, and no other")


def _judge_wildcard(subject: Subject, account: SesAccount) -> Finding:
    """Judge a SendEmail that may use every identity of the account: dev's default, which the sandbox needs."""
    if account.in_sandbox:
        return Finding.ok("SendEmail may use every identity, as the sandbox needs it")
    if subject.stage == "prod":
        return Finding.wrong(
            "SendEmail may use every identity of the account, which it needs in the sandbox alone",
            "put `ses_sandbox = false` into stages/prod.toml and deploy",
        )
    return Finding.ok("SendEmail may use every identity; `ses_sandbox = false` leaves it the sender's")


def _read_policies(subject: Subject, role: str) -> Iterator[Any]:
    iam = subject.stack.client("iam")
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            yield iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]


def _may_send(subject: Subject, policy: str, sender: str, identity: str) -> bool:
    """Whether a role with this policy may send a mail of this sender, as far as SES checks this identity."""
    resource = subject.make_arn("ses", f"identity/{identity}")
    return is_allowed(policy, Request("", "ses:SendEmail", resource, {"ses:FromAddress": sender}))


def _examine_configuration_set(subject: Subject) -> Iterator[Finding]:
    ses = subject.stack.client("sesv2")
    name = subject.find_resource("AWS::SES::ConfigurationSet").physical_id
    found = ses.get_configuration_set(ConfigurationSetName=name)
    bad = [option for option in _OPTIONS if not option.is_right(found)]
    for option in bad:
        command = quote_command(f"aws sesv2 put-configuration-set-{option.setting} --configuration-set-name", name)
        yield Finding.wrong(option.consequence, f"run {command}")
    if not bad:
        yield Finding.ok(f"{name} sends over TLS alone, mails nobody who complained, and counts its rates")
    answer = ses.get_configuration_set_event_destinations(ConfigurationSetName=name)
    yield _judge_events(subject, name, answer.get("EventDestinations", ()))


def _judge_events(subject: Subject, name: str, found: "Sequence[EventDestinationTypeDef]") -> Finding:
    """Say whether EventBridge's default bus, the only one SES knows, gets each event that TrackEmail records."""
    reported = {
        event
        for destination in found
        if destination.get("Enabled")
        and destination.get("EventBridgeDestination", {}).get("EventBusArn", "").endswith(":event-bus/default")
        for event in destination["MatchingEventTypes"]
    }
    needed = {event.ses_name.upper() for event in SES_EVENTS}  # SES's own API spells them so
    if missing := sorted(needed - reported):
        return Finding.wrong(
            f"{name} does not report {', '.join(missing)} to EventBridge's default bus: orders do not show it",
            f"run {_report_command(subject, name, found)}",
        )
    return Finding.ok(f"{name} reports {len(needed)} of {len(needed)} kinds of events to EventBridge's default bus")


def _report_command(subject: Subject, name: str, found: "Sequence[EventDestinationTypeDef]") -> str:
    """Give the command that sets the destination right, or makes one."""
    existing = [destination["Name"] for destination in found if "EventBridgeDestination" in destination]
    _, partition, _, region, account, *_ = subject.stack["StateMachineArn"].split(":")
    wanted = {
        "ConfigurationSetName": name,
        "EventDestinationName": existing[0] if existing else "ToEventBridge",
        "EventDestination": {
            "Enabled": True,
            "MatchingEventTypes": [event.ses_name.upper() for event in SES_EVENTS],
            "EventBridgeDestination": {"EventBusArn": f"arn:{partition}:events:{region}:{account}:event-bus/default"},
        },
    }
    verb = "update" if existing else "create"
    return quote_command(f"aws sesv2 {verb}-configuration-set-event-destination --cli-input-json", json.dumps(wanted))


PROBES: Final = (
    Probe(
        id="A4",
        group="Mail",
        asks="SES sends the confirmations, and reports what became of each",
        ask=examine_mail,
        actions=(
            "cloudformation:ListStackResources",
            "iam:GetRolePolicy",
            "iam:ListRolePolicies",
            "ses:GetAccount",
            "ses:GetConfigurationSet",
            "ses:GetConfigurationSetEventDestinations",
            "ses:GetEmailIdentity",
        ),
        page="leaving-the-sandbox.md",
    ),
)
