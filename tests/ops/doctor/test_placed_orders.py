"""The probes that place orders, against every end that an order can come to."""

from datetime import timedelta

import pytest

from ops.doctor.probe import Verdict
from tests.ops.doctor.healthy_placing import NOW, RUN, PlacedAccount, examine_run
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer, Refusal

ALL = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8")


def test_all_is_well_where_every_order_ends_as_it_should() -> None:
    account = PlacedAccount()
    examined = examine_run(*ALL, account=account)
    assert {id_: one.verdict for id_, one in examined.items()} == dict.fromkeys(("B0", *ALL), Verdict.OK)
    assert account.published == ["success", "bounce", "complaint", "short", "malformed", "success"]
    assert account.dead == []


@pytest.mark.parametrize(
    ("probe", "account", "said"),
    [
        ("B0", PlacedAccount(movements=2), "has 2 movements"),
        ("B1", PlacedAccount(absent=frozenset({"success"})), "has no execution 60 s after"),
        ("B1", PlacedAccount(executions={"success": "RUNNING"}), "is still under way after 60 s"),
        ("B1", PlacedAccount(statuses={"success": "REJECTED"}), "should be CONFIRMED: its execution SUCCEEDED"),
        ("B1", PlacedAccount(executions={"success": "FAILED"}, mails={"success": "REJECTED"}), "its mail REJECTED"),
        ("B1", PlacedAccount(mails={"success": "SENT"}), "its mail is SENT after 90 s, and should be DELIVERED"),
        ("B1", PlacedAccount(mails={}), "its mail is not sent after 90 s"),
        ("B1", PlacedAccount(alias=None), "started by no alias"),
        ("B1", PlacedAccount(log_lines=0), "has no line of it after 60 s"),
        ("B3", PlacedAccount(mails={"bounce": "SENT", "complaint": "COMPLAINED"}), "should be BOUNCED"),
        ("B3", PlacedAccount(mails={"bounce": "BOUNCED", "complaint": "DELIVERED"}), "should be COMPLAINED"),
        ("B3", PlacedAccount(absent=frozenset({"complaint"})), "-complaint has no execution"),
        ("B4", PlacedAccount(statuses={"short": "CONFIRMED"}), "should be REJECTED"),
        ("B4", PlacedAccount(lost=1), "9 pieces are available or held, and there should be 10"),
        ("B6", PlacedAccount(again=True), "has a second execution, SUCCEEDED"),
    ],
)
def test_an_order_that_ends_otherwise_is_wrong(probe: str, account: PlacedAccount, said: str) -> None:
    found = examine_run("B1", probe, account=account)[probe]
    assert found.verdict is Verdict.WRONG
    wrong = [one for one in found.findings if one.verdict is Verdict.WRONG]
    assert said in wrong[0].text
    assert all(one.remedy for one in wrong)


@pytest.mark.parametrize(
    ("probe", "account", "said"),
    [
        ("B1", PlacedAccount(traced=("order-processing-dev",)), "no trace of order-processing-dev"),
        ("B6", PlacedAccount(log_lines=0), "does not say OrdersDuplicate after 60 s"),
    ],
)
def test_what_a_sample_or_a_late_line_may_explain_is_not_called_wrong(
    probe: str, account: PlacedAccount, said: str
) -> None:
    found = examine_run("B1", probe, account=account)[probe]
    unclear = [one for one in found.findings if one.verdict is Verdict.CANNOT_SAY]
    assert [said in one.text for one in unclear] == [True]


@pytest.mark.parametrize(
    ("probe", "operation", "answer", "said"),
    [
        (
            "B0",
            "dynamodb.TransactWriteItems",
            Refusal("AccessDeniedException", "User: a is not authorized to perform: dynamodb:PutItem on resource: b"),
            "not allowed: dynamodb:PutItem",
        ),
        ("B1", "sns.Publish", Refusal("AuthorizationError", status=403), "not allowed: sns:Publish"),
        ("B1", "dynamodb.BatchGetItem", DENIED, "not allowed: dynamodb:BatchGetItem"),
        ("B1", "stepfunctions.GetExecutionHistory", THROTTLED, "AWS throttles GetExecutionHistory"),
        ("B1", "xray.GetTraceSummaries", DENIED, "not allowed: xray:GetTraceSummaries"),
        ("B3", "stepfunctions.ListExecutions", DENIED, "not allowed: states:ListExecutions"),
        ("B4", "dynamodb.BatchGetItem", DENIED, "not allowed: dynamodb:BatchGetItem"),
        ("B6", "logs.FilterLogEvents", DENIED, "not allowed: logs:FilterLogEvents"),
    ],
)
def test_a_permission_that_lacks_is_named(probe: str, operation: str, answer: Answer, said: str) -> None:
    found = examine_run("B1", probe, others={operation: answer})[probe]
    assert found.verdict is Verdict.CANNOT_SAY
    assert said in found.findings[-1].text


def test_a_stack_of_another_version_is_not_called_wrong() -> None:
    found = examine_run("B1", others={"cloudformation.ListStackResources": {"StackResourceSummaries": []}})["B1"]
    assert found.verdict is Verdict.CANNOT_SAY
    assert "this version's has one" in found.findings[-1].text


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (PlacedAccount(executions={"success": "FAILED"}, again=True), "FAILED"),
        (PlacedAccount(executions={"success": "RUNNING"}), "RUNNING"),
        (PlacedAccount(absent=frozenset({"success"})), "absent"),
    ],
)
def test_an_order_that_has_not_ended_well_is_not_published_again(account: PlacedAccount, said: str) -> None:
    found = examine_run("B1", "B6", account=account)["B6"]
    assert [(one.verdict, one.text) for one in found.findings] == [
        (Verdict.CANNOT_SAY, f"not tried: the execution of {RUN}-success is {said} (B1)")
    ]
    assert account.published == ["success"]


@pytest.mark.parametrize("minutes", [3, 5])
def test_a_clock_that_is_as_fast_as_aws_allows_changes_no_verdict(minutes: int) -> None:
    account = PlacedAccount(clock=NOW - timedelta(minutes=minutes))
    examined = examine_run(*ALL, account=account)
    assert {id_: one.verdict for id_, one in examined.items()} == dict.fromkeys(("B0", *ALL), Verdict.OK)


def test_without_stock_no_order_is_placed() -> None:
    account = PlacedAccount()
    examined = examine_run(*ALL, account=account, others={"dynamodb.TransactWriteItems": DENIED})
    assert account.published == ["malformed"]
    for probe in ("B1", "B3", "B4", "B7"):
        assert [one.text for one in examined[probe].findings] == ["not tried: there is no stock for its order (B0)"]
    assert examined["B6"].findings[0].text == "not tried: no order was published (B1)"


def test_the_local_aws_is_asked_as_far_as_it_goes() -> None:
    examined = examine_run(
        *ALL,
        account=PlacedAccount(mails={"success": "SENT"}),
        stage="local",
    )
    assert {id_: one.verdict for id_, one in examined.items()} == {
        **dict.fromkeys(("B0", "B1", "B4", "B5", "B6", "B7"), Verdict.OK),
        **dict.fromkeys(("B2", "B3", "B8"), Verdict.NOT_LOCAL),
    }
    assert [one.verdict for one in examined["B1"].findings].count(Verdict.NOT_LOCAL) == 4
