"""The probe of an execution that is stopped, against what may follow."""

import pytest

from ops.doctor.probe import Verdict
from tests.ops.doctor.healthy_placing import ALIAS, RUN, PlacedAccount, examine_run
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer


def test_its_order_is_closed_and_its_stock_whole() -> None:
    account = PlacedAccount()
    found = examine_run("B7", account=account)["B7"]
    assert found.verdict is Verdict.OK
    assert account.started_by == [ALIAS]
    assert [arn.rpartition(":")[2] for arn in account.stopped] == [f"{RUN}-stopped"]


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (PlacedAccount(statuses={"stopped": "PROCESSING"}), "60 s later it is PROCESSING, not FAILED"),
        (PlacedAccount(statuses={"stopped": "CONFIRMED"}), "60 s later it is CONFIRMED, not FAILED"),
        (PlacedAccount(lost=1), "9 pieces are available or held, and there should be 10"),
    ],
)
def test_an_order_that_stays_open_or_keeps_its_pieces_is_wrong(account: PlacedAccount, said: str) -> None:
    found = examine_run("B7", account=account)["B7"]
    (wrong,) = [one for one in found.findings if one.verdict is Verdict.WRONG]
    assert said in wrong.text
    assert wrong.remedy


def test_an_execution_that_could_not_be_stopped_is_no_missing_piece() -> None:
    account = PlacedAccount(statuses={"stopped": "CONFIRMED", "short": "REJECTED"})
    examined = examine_run("B4", "B7", account=account, others={"stepfunctions.StopExecution": DENIED})
    assert [examined[probe].verdict for probe in ("B4", "B7")] == [Verdict.OK, Verdict.CANNOT_SAY]


@pytest.mark.parametrize(
    ("operation", "answer", "said"),
    [
        ("stepfunctions.StartExecution", DENIED, "not allowed: states:StartExecution"),
        ("stepfunctions.StopExecution", DENIED, "not allowed: states:StopExecution"),
        ("dynamodb.BatchGetItem", THROTTLED, "AWS throttles BatchGetItem"),
        ("cloudformation.ListStackResources", {"StackResourceSummaries": []}, "the stack has no AWS::StepFunctions"),
    ],
)
def test_what_keeps_it_from_its_answer_is_named(operation: str, answer: Answer, said: str) -> None:
    found = examine_run("B7", others={operation: answer})["B7"]
    assert found.verdict is Verdict.CANNOT_SAY
    assert found.findings[-1].text.startswith(said)
