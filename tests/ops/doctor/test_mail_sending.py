"""The probe of SES, against every answer that AWS may give."""

from collections.abc import Mapping
from typing import Any

import pytest

from ops.doctor.looking.mail_sending import PROBES
from ops.doctor.probe import Verdict
from tests.ops.doctor.healthy_mail_sending import (
    HEALTHY,
    allow_identities,
    describe_account,
    describe_configuration_set,
    report_events,
    spend,
    write_policy,
)
from tests.ops.doctor.healthy_stack import OUTPUTS, SENDER
from tests.ops.doctor.recorded import DENIED, Answer, Refusal, ask

(A4,) = PROBES
SANDBOX = {"sesv2.GetAccount": describe_account(ProductionAccessEnabled=False)}
UNKNOWN = Refusal("NotFoundException", status=404)


def known_as(**statuses: str) -> Answer:
    """Know these identities, an address as orders and a domain as it is spelt."""
    names = {"sender": SENDER, "domain": "example.com", "above": "com"}
    by_name = {names[name]: status for name, status in statuses.items()}

    def answer(asked: Mapping[str, Any]) -> Mapping[str, Any] | Refusal:
        if status := by_name.get(asked["EmailIdentity"]):
            return {"VerificationStatus": status, "VerifiedForSendingStatus": status == "SUCCESS"}
        return UNKNOWN

    return answer


@pytest.mark.parametrize(
    ("stage", "answers"),
    [
        ("prod", {}),
        ("dev", {}),
        ("dev", SANDBOX | {"iam.GetRolePolicy": allow_identities("*")}),
        ("dev", {"sesv2.GetAccount": describe_account(SendQuota=spend(199, 200))}),
        ("dev", {"sesv2.GetAccount": describe_account(SendQuota=spend(5, -1))}),  # without a limit
        ("dev", {"iam.GetRolePolicy": allow_identities("*")}),  # dev's default, in an account out of the sandbox
        (
            "prod",
            {
                "sesv2.GetEmailIdentity": known_as(domain="SUCCESS"),
                "iam.GetRolePolicy": allow_identities(SENDER, "example.com"),
            },
        ),
    ],
)
def test_a_stage_whose_mails_leave_is_ok(stage: str, answers: Mapping[str, Answer]) -> None:
    assert ask(A4, {**HEALTHY, **answers}, stage=stage, **OUTPUTS).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("stage", "answers", "remedy"),
    [
        ("dev", {"sesv2.GetAccount": describe_account(SendingEnabled=False)}, "put-account-sending-attributes"),
        ("dev", {"sesv2.GetAccount": describe_account(EnforcementStatus="PROBATION")}, "SES console"),
        ("dev", {"sesv2.GetAccount": describe_account(SendQuota=spend(200, 200))}, "ask for more in Service Quotas"),
        ("dev", {"sesv2.GetAccount": describe_account(SendQuota=spend(201, 200))}, "ask for more in Service Quotas"),
        ("dev", {"sesv2.GetEmailIdentity": UNKNOWN}, f"verify-email-identity --email-address {SENDER}`"),
        ("dev", {"sesv2.GetEmailIdentity": known_as(sender="PENDING")}, "follow the link"),
        ("prod", SANDBOX, "`ses_sandbox = true` into stages/prod.toml"),
        ("prod", {"iam.GetRolePolicy": allow_identities("*")}, "`ses_sandbox = false` into stages/prod.toml"),
        ("prod", {"sesv2.GetEmailIdentity": known_as(domain="SUCCESS")}, "`create_sender_identity = false` into"),
        *(
            ("dev", {"sesv2.GetConfigurationSet": describe_configuration_set(**changed)}, command)
            for changed, command in (
                ({"SendingOptions": {"SendingEnabled": False}}, "-sending-options --sending-enabled --conf"),
                ({"DeliveryOptions": {"TlsPolicy": "OPTIONAL"}}, "-delivery-options --tls-policy REQUIRE --conf"),
                ({"SuppressionOptions": {"SuppressedReasons": ["BOUNCE"]}}, "--suppressed-reasons BOUNCE COMPLAINT"),
                ({"ReputationOptions": {"ReputationMetricsEnabled": False}}, "--reputation-metrics-enabled"),
            )
        ),
        *(
            ("dev", {"sesv2.GetConfigurationSetEventDestinations": reported}, command)
            for reported, command in (
                (report_events(["SEND", "DELIVERY", "BOUNCE", "COMPLAINT"]), '"EventDestinationName": "abcdef"'),
                (report_events(bus="other"), '"arn:aws:events:eu-west-1:123456789012:event-bus/default"'),
                (report_events(enabled=False), "aws sesv2 update-configuration-set-event-destination"),
                ({"EventDestinations": []}, "aws sesv2 create-configuration-set-event-destination"),
            )
        ),
    ],
)
def test_what_keeps_mails_back_is_named_with_its_remedy(stage: str, answers: Mapping[str, Answer], remedy: str) -> None:
    examined = ask(A4, {**HEALTHY, **answers}, stage=stage, **OUTPUTS)
    assert [remedy in (one.remedy or "") for one in examined.findings if one.verdict is Verdict.WRONG] == [True]


ALLOWED = {
    "Effect": "Allow",
    "Action": "ses:SendEmail",
    "Resource": f"arn:aws:ses:eu-west-1:123456789012:identity/{SENDER}",
    "Condition": {"StringEquals": {"ses:FromAddress": SENDER}},
}


@pytest.mark.parametrize(
    ("statements", "verdict", "says"),
    [
        (ALLOWED, Verdict.OK, "the sender's identity, and no other"),
        ([ALLOWED | {"Action": "ses:*"}], Verdict.OK, "the sender's identity, and no other"),
        ([ALLOWED | {"Action": ["logs:*", "ses:Send*"]}], Verdict.OK, "the sender's identity, and no other"),
        ([ALLOWED | {"Action": "*", "Resource": "*"}], Verdict.OK, "every identity"),
        ([ALLOWED | {"Action": "ses:SendRawEmail"}], Verdict.WRONG, "may not use it"),
        ([ALLOWED, ALLOWED | {"Effect": "Deny"}], Verdict.WRONG, "may not use it"),
        ([ALLOWED | {"Resource": "*"}, ALLOWED | {"Effect": "Deny", "Action": "*"}], Verdict.WRONG, "may not use it"),
        (
            [ALLOWED | {"Condition": {"StringEquals": {"ses:FromAddress": "other@example.com"}}}],
            Verdict.WRONG,
            "may not use it",
        ),
        ([], Verdict.WRONG, "may not use it"),
        (
            [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
            Verdict.CANNOT_SAY,
            "statement without a name has a NotAction",
        ),
    ],
)
def test_what_sendemail_may_use_is_decided_as_iam_decides_it(statements: Any, verdict: Verdict, says: str) -> None:
    examined = ask(A4, {**HEALTHY, "iam.GetRolePolicy": write_policy(statements)}, **OUTPUTS)
    assert examined.verdict is verdict
    assert says in examined.findings[2].text


def test_a_sandboxes_every_identity_is_every_identity_in_the_policys_words() -> None:
    everything = write_policy([ALLOWED | {"Action": "ses:*", "Resource": "*"}])
    assert ask(A4, {**HEALTHY, **SANDBOX, "iam.GetRolePolicy": everything}, **OUTPUTS).verdict is Verdict.OK


def test_an_event_that_is_not_reported_is_named() -> None:
    missing = {"sesv2.GetConfigurationSetEventDestinations": report_events(["SEND", "DELIVERY", "COMPLAINT"])}
    assert "BOUNCE, REJECT" in ask(A4, {**HEALTHY, **missing}, **OUTPUTS).findings[-1].text


@pytest.mark.parametrize("operation", [name for name in HEALTHY if name != "cloudformation.ListStackResources"])
def test_the_permission_that_lacks_is_named(operation: str) -> None:
    examined = ask(A4, {**HEALTHY, operation: DENIED}, **OUTPUTS)
    assert examined.verdict is Verdict.CANNOT_SAY
    assert examined.findings[-1].text.removeprefix("not allowed: ") in A4.actions


def test_what_was_found_of_the_account_is_kept_when_the_sender_may_not_be_asked() -> None:
    answers = {
        **HEALTHY,
        "sesv2.GetAccount": describe_account(SendingEnabled=False),
        "sesv2.GetEmailIdentity": DENIED,
    }
    assert [one.verdict for one in ask(A4, answers, **OUTPUTS).findings] == [Verdict.WRONG, Verdict.CANNOT_SAY]


def test_a_stack_without_a_configuration_set_is_another_versions() -> None:
    nothing: Answer = {"StackResourceSummaries": []}
    answers = {**HEALTHY, "cloudformation.ListStackResources": nothing}
    assert ask(A4, answers, **OUTPUTS).verdict is Verdict.CANNOT_SAY
    assert ask(A4, HEALTHY).verdict is Verdict.CANNOT_SAY  # nor does it name its sender


def test_the_local_ses_is_asked_as_far_as_it_goes() -> None:
    examined = ask(A4, HEALTHY, stage="local", **OUTPUTS)
    assert examined.verdict is Verdict.OK
    assert examined.findings[-1].verdict is Verdict.NOT_LOCAL
