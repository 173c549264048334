"""The probe of the rules, against every answer that AWS may give."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from ops.doctor.examination import Examined
from ops.doctor.looking.event_patterns import PROBES
from ops.doctor.probe import Verdict
from tests.ops.doctor import recorded
from tests.ops.doctor.healthy_services import HEALTHY, OUTPUTS, RESOURCES, describe_rule, list_resources, match_pattern
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer

(PROBE,) = PROBES
RULE = "events.DescribeRule"
MATCHER = "events.TestEventPattern"


def ask(answers: Mapping[str, Answer], stage: str = "dev") -> Examined:
    return recorded.ask(PROBE, {**HEALTHY, **answers}, stage=stage, **OUTPUTS)


def test_each_rule_is_shown_its_own_events_and_others() -> None:
    examined = ask({})
    assert examined.verdict is Verdict.OK
    assert [finding.text for finding in examined.findings] == [
        "the rule of executions takes 3 of 3 events of this stack, and none of 3 others",
        "the rule of mails takes 5 of 5 events of this stack, and none of 2 others",
    ]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("status", "ABORTED", "the rule of executions misses an execution that is ABORTED"),
        ("status", "SUCCEEDED", "the rule of executions takes an execution that is SUCCEEDED"),
        ("stateMachineArn", f"{OUTPUTS['StateMachineArn']}-2", "takes another state machine's execution"),
        ("detail-type", "Email Bounced", "the rule of mails misses Email Bounced"),
        ("detail-type", "Email Opened", "the rule of mails takes a mail that was opened"),
        ("set", "order-processing-dev-2", "the rule of mails takes another configuration set's mail"),
    ],
)
def test_an_event_that_goes_the_wrong_way_is_named(field: str, value: str, says: str) -> None:
    """The matcher's answer is turned round for that event."""

    def match(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        event = json.loads(asked["Event"])
        detail = event["detail"]
        configuration_set = detail.get("mail", {}).get("tags", {}).get("ses:configuration-set", [""])[0]
        found = {**event, **detail, "set": configuration_set}.get(field)
        result = match_pattern(asked)["Result"]
        return {"Result": result is not (found == value)}

    examined = ask({MATCHER: match})
    assert examined.verdict is Verdict.WRONG
    assert any(says in finding.text for finding in examined.findings)
    assert any("aws events describe-rule --name" in str(finding.remedy) for finding in examined.findings)


def test_a_disabled_rule_is_wrong() -> None:
    examined = ask({RULE: lambda asked: describe_rule(asked) | {"State": "DISABLED"}})
    assert examined.findings[0].text == "the rule of executions is disabled"
    assert examined.findings[0].remedy == "run `aws events enable-rule --name order-processing-dev-Abandoned-1`"


@pytest.mark.parametrize("operation", [RULE, MATCHER])
def test_what_may_not_be_asked_is_named(operation: str) -> None:
    action = operation.replace(".", ":")
    assert [finding.text for finding in ask({operation: DENIED}).findings] == [f"not allowed: {action}"]
    assert ask({operation: THROTTLED}).verdict is Verdict.CANNOT_SAY


@pytest.mark.parametrize("absent", ["AWS::Events::Rule", "AWS::SES::ConfigurationSet"])
def test_a_stack_without_them_is_of_another_version(absent: str) -> None:
    others = list_resources(*(one for one in RESOURCES if one[0] != absent))
    examined = ask({"cloudformation.ListStackResources": others})
    assert examined.verdict is Verdict.CANNOT_SAY
    assert absent in examined.findings[-1].text


def test_the_local_ses_sends_no_events() -> None:
    assert [finding.verdict for finding in ask({}, stage="local").findings] == [Verdict.OK, Verdict.NOT_LOCAL]
