"""The probe of alarms that fire, against what their history may say."""

import pytest

from ops.doctor.probe import Verdict
from tests.ops.doctor.healthy_placing import DONE, PlacedAccount, describe_stack, examine_run
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer

FAILED = "Failed to execute action arn:aws:sns:eu-west-1:123456789012:alarms"


def test_two_alarms_are_set_and_three_act() -> None:
    account = PlacedAccount()
    found = examine_run("B2", account=account)["B2"]
    assert account.alarms_set == ["dev-TablesThrottled", "dev-OldestOrderWaits"]
    assert [(one.verdict, one.text) for one in found.findings] == [
        (Verdict.OK, f"{alarm} fired: {DONE}") for alarm in ("TablesThrottled", "OldestOrderWaits", "OrdersNotFlowing")
    ]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"dev-TablesThrottled": FAILED}, f"TablesThrottled fired: {FAILED}"),
        ({"dev-OrdersNotFlowing": None}, "OrdersNotFlowing did nothing within 120 s of being set to ALARM"),
    ],
)
def test_an_alarm_whose_action_fails_or_never_comes_is_wrong(said: dict[str, str | None], text: str) -> None:
    found = examine_run("B2", account=PlacedAccount(said=said))["B2"]
    (wrong,) = [one for one in found.findings if one.verdict is Verdict.WRONG]
    assert (wrong.text, bool(wrong.remedy)) == (text, True)


@pytest.mark.parametrize(
    ("account", "others", "said"),
    [
        (
            PlacedAccount(),
            {"cloudformation.DescribeStacks": describe_stack("UPDATE_IN_PROGRESS")},
            "not tried: the stack",
        ),
        (PlacedAccount(firing=("dev-OldestOrderWaits",)), {}, "not tried: dev-OldestOrderWaits is in ALARM already"),
        (PlacedAccount(), {"cloudwatch.DescribeAlarms": DENIED}, "not allowed: cloudwatch:DescribeAlarms"),
        (PlacedAccount(), {"cloudwatch.DescribeAlarmHistory": THROTTLED}, "AWS throttles DescribeAlarmHistory"),
    ],
)
def test_no_alarm_is_set_where_it_would_do_harm_or_say_nothing(
    account: PlacedAccount, others: dict[str, Answer], said: str
) -> None:
    (finding,) = examine_run("B2", account=account, others=others)["B2"].findings
    assert finding.verdict is Verdict.CANNOT_SAY
    assert finding.text.startswith(said)
    assert account.alarms_set == []


def test_the_permission_to_set_an_alarm_is_named() -> None:
    (finding,) = examine_run("B2", others={"cloudwatch.SetAlarmState": DENIED})["B2"].findings
    assert finding.text == "not allowed: cloudwatch:SetAlarmState"


def test_a_stack_without_these_alarms_is_of_another_version() -> None:
    found = examine_run("B2", others={"cloudformation.ListStackResources": {"StackResourceSummaries": []}})["B2"]
    assert found.verdict is Verdict.CANNOT_SAY
    assert (
        found.findings[0].text
        == "the stack has no AWS::CloudWatch::Alarm MonitoringTablesThrottled, and this version's has one"
    )
