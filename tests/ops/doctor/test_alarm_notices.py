"""The probe of the alarms, against every answer that AWS may give."""

from collections.abc import Mapping

import pytest

from ops.doctor.looking.alarm_notices import PROBES
from ops.doctor.probe import Verdict
from tests.ops.doctor.healthy_alarm_notices import HEALTHY, describe_alarms, subscribe
from tests.ops.doctor.healthy_stack import ALARM_TOPIC, ALARMS, COMPOSITE
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer, Refusal, ask

(A9,) = PROBES
FIRST = ALARMS[0]


def test_quiet_alarms_that_somebody_hears_are_ok() -> None:
    examined = ask(A9, HEALTHY)
    assert examined.verdict is Verdict.OK
    assert [one.text for one in examined.findings] == [
        "1 of 2 subscriptions to the alarms are confirmed",
        "3 of 3 alarms notify the alarm topic, and none fires",
    ]


@pytest.mark.parametrize(
    ("answers", "text", "remedy"),
    [
        (
            {"sns.ListSubscriptionsByTopic": subscribe()},
            "nobody has subscribed",
            '`alarm_email = "ADDRESS"` into stages/dev.toml',
        ),
        ({"sns.ListSubscriptionsByTopic": subscribe("PendingConfirmation")}, "0 of 1", "follow the link"),
        (
            {"cloudwatch.DescribeAlarms": describe_alarms(ActionsEnabled=False)},
            f"{FIRST} notifies nobody",
            f"`aws cloudwatch enable-alarm-actions --alarm-names {FIRST}`",
        ),
        ({"cloudwatch.DescribeAlarms": describe_alarms(AlarmActions=[])}, f"{FIRST} notifies nobody", ALARM_TOPIC),
        (
            {"cloudwatch.DescribeAlarms": describe_alarms(StateValue="ALARM")},
            f"{FIRST} fires, since 2026-01-01 00:00 UTC",
            "follow docs/runbooks/ExecutionsFailed.md",
        ),
        (
            {"cloudwatch.DescribeAlarms": {**describe_alarms(), "CompositeAlarms": []}},
            f"{COMPOSITE} was deleted by hand",
            "cdk synth",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(answers: Mapping[str, Answer], text: str, remedy: str) -> None:
    (wrong,) = (one for one in ask(A9, {**HEALTHY, **answers}).findings if one.verdict is Verdict.WRONG)
    assert text in wrong.text
    assert remedy in (wrong.remedy or "")


def test_each_alarm_that_fires_is_named() -> None:
    firing = describe_alarms(StateValue="ALARM")
    firing["CompositeAlarms"][0]["StateValue"] = "ALARM"
    wrong = [one.text for one in ask(A9, {**HEALTHY, "cloudwatch.DescribeAlarms": firing}).findings[1:]]
    assert [text.split(" ")[0] for text in wrong] == [FIRST, COMPOSITE]


@pytest.mark.parametrize("operation", HEALTHY)
@pytest.mark.parametrize("refusal", [DENIED, THROTTLED])
def test_what_aws_does_not_answer_is_not_said(operation: str, refusal: Refusal) -> None:
    examined = ask(A9, {**HEALTHY, operation: refusal})
    assert examined.verdict is Verdict.CANNOT_SAY
    if refusal is DENIED:
        assert examined.findings[-1].text.removeprefix("not allowed: ") in A9.actions


def test_that_nobody_is_notified_is_said_even_if_the_alarms_may_not_be_asked() -> None:
    answers = {**HEALTHY, "sns.ListSubscriptionsByTopic": subscribe(), "cloudwatch.DescribeAlarms": DENIED}
    assert [one.verdict for one in ask(A9, answers).findings] == [Verdict.WRONG, Verdict.CANNOT_SAY]


def test_a_stack_without_an_alarm_topic_is_another_versions() -> None:
    nothing: Answer = {"StackResourceSummaries": []}
    assert ask(A9, {**HEALTHY, "cloudformation.ListStackResources": nothing}).verdict is Verdict.CANNOT_SAY


def test_the_local_aws_mails_nobody_and_its_alarms_are_not_said_to_be_quiet() -> None:
    findings = ask(A9, HEALTHY, stage="local").findings
    assert [one.verdict for one in findings] == [Verdict.NOT_LOCAL, Verdict.OK]
    assert findings[1].text == "3 of 3 alarms notify the alarm topic"
