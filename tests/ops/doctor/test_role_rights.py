"""The probe of the functions' roles, against every answer that IAM may give."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ops.doctor.breaking.role_rights import DEEP_LOOKS
from ops.doctor.examination import Examined
from ops.doctor.probe import Verdict
from tests.ops.doctor import recorded
from tests.ops.doctor.healthy_services import FUNCTIONS, HEALTHY, OUTPUTS, simulate
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer

(PROBE,) = DEEP_LOOKS
SIMULATE = "iam.SimulatePrincipalPolicy"


def ask(answers: Mapping[str, Answer], stage: str = "dev") -> Examined:
    return recorded.ask(PROBE, {**HEALTHY, **answers}, stage=stage, **OUTPUTS)


def turn_round(role: str, action: str, **context: str) -> Answer:
    """IAM decides otherwise for that role and action, with that context."""

    def answer(asked: Mapping[str, Any]) -> Any:
        answered = simulate(asked)
        given = {entry["ContextKeyName"]: entry["ContextKeyValues"][0] for entry in asked["ContextEntries"]}
        for one in answered["EvaluationResults"]:
            if role in asked["PolicySourceArn"] and one["EvalActionName"] == action and given == context:
                one["EvalDecision"] = "explicitDeny" if one["EvalDecision"] == "allowed" else "allowed"
        return answered

    return answer


def test_each_function_may_do_its_work_and_no_more() -> None:
    examined = ask({})
    assert examined.verdict is Verdict.OK
    assert [finding.text.split(" may ")[0] for finding in examined.findings] == list(FUNCTIONS)
    assert examined.findings[0].text == "IngestionStartWorkflow may do the 12 things it must, and none of 9 it must not"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            turn_round("StartWorkflow", "states:StartExecution"),
            "IngestionStartWorkflow may not states:StartExecution on",
        ),
        (
            turn_round("TrackEmail", "dynamodb:UpdateItem"),
            "MailTrackingTrackEmail may not dynamodb:UpdateItem on table/",
        ),
        (turn_round("SendEmail", "dynamodb:Scan"), "NotificationsSendEmail may dynamodb:Scan on table/"),
        (turn_round("SendEmail", "kms:Decrypt"), "NotificationsSendEmail may kms:Decrypt on key/"),
        (
            turn_round("SendEmail", "ses:SendEmail", **{"ses:FromAddress": "stranger@example.com"}),
            "NotificationsSendEmail may ses:SendEmail on identity/stranger@example.com (ses:FromAddress=stranger",
        ),
    ],
)
def test_a_right_too_few_or_too_many_is_wrong(answer: Callable[[Any], Any], says: str) -> None:
    examined = ask({SIMULATE: answer})
    assert examined.verdict is Verdict.WRONG
    wrong = [finding for finding in examined.findings if finding.verdict is Verdict.WRONG]
    assert any(says in finding.text for finding in wrong)
    assert all("aws iam list-role-policies --role-name" in str(finding.remedy) for finding in wrong)


@pytest.mark.parametrize("operation", ["iam.GetRole", SIMULATE])
def test_what_may_not_be_asked_is_named(operation: str) -> None:
    action = operation.replace(".", ":")
    assert [finding.text for finding in ask({operation: DENIED}).findings] == [f"not allowed: {action}"]
    assert ask({operation: THROTTLED}).verdict is Verdict.CANNOT_SAY


def test_a_stack_without_the_roles_is_of_another_version() -> None:
    examined = ask({"cloudformation.ListStackResources": {"StackResourceSummaries": []}})
    assert examined.verdict is Verdict.CANNOT_SAY


def test_the_local_iam_simulates_no_conditions() -> None:
    assert ask({}, stage="local").verdict is Verdict.NOT_LOCAL
