"""The probe of a message that is no order: what may become of it, and that no other dead letter is touched."""

import pytest

from ops.doctor.probe import Verdict
from tests.ops.doctor.healthy_placing import PlacedAccount, examine_run
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer


def test_it_becomes_a_dead_letter_with_its_reason_and_is_deleted() -> None:
    account = PlacedAccount()
    found = examine_run("B5", account=account)["B5"]
    assert found.verdict is Verdict.OK
    assert [one.text for one in found.findings] == [
        "doctor-20261125T120000Z-malformed is a dead letter: InvalidOrder: x",
        "it was deleted again",
    ]
    assert account.dead == []


def test_one_that_is_nowhere_is_wrong() -> None:
    (finding,) = examine_run("B5", account=PlacedAccount(letter=None))["B5"].findings
    assert (finding.verdict, finding.text) == (
        Verdict.WRONG,
        "doctor-20261125T120000Z-malformed is no dead letter 60 s after it was published",
    )


def test_one_of_another_kind_is_wrong() -> None:
    first = examine_run("B5", account=PlacedAccount(letter={"error_type": "ConflictingOrder"}))["B5"].findings[0]
    assert first.verdict is Verdict.WRONG
    assert "is a dead letter of ConflictingOrder, and should be one of InvalidOrder" in first.text


def test_where_others_hold_dead_letters_it_cannot_say() -> None:
    account = PlacedAccount(letter=None, dead=["somebody's"])
    (finding,) = examine_run("B5", account=account)["B5"].findings
    assert finding.verdict is Verdict.CANNOT_SAY
    assert "somebody else is looking" in (finding.remedy or "")


@pytest.mark.parametrize(
    ("operation", "answer", "said"),
    [
        ("sqs.ReceiveMessage", DENIED, "not allowed: sqs:ReceiveMessage"),
        ("sqs.GetQueueAttributes", THROTTLED, "AWS throttles GetQueueAttributes"),
        ("sns.Publish", DENIED, "not allowed: sns:Publish"),
    ],
)
def test_what_keeps_it_from_its_answer_is_named(operation: str, answer: Answer, said: str) -> None:
    found = examine_run("B5", others={operation: answer})["B5"]
    assert (found.verdict, [one.text for one in found.findings]) == (Verdict.CANNOT_SAY, [said])


def test_one_that_cannot_be_deleted_is_named_with_what_removes_it() -> None:
    refused = {"Failed": [{"Id": "0", "SenderFault": False, "Code": "InternalError"}], "Successful": []}
    last = examine_run("B5", others={"sqs.DeleteMessageBatch": refused})["B5"].findings[-1]
    assert (last.verdict, last.remedy) == (Verdict.CANNOT_SAY, "run `orders doctor --clean`")
