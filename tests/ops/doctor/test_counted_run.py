"""The probe of the metrics, against metrics that come and metrics that do not."""

import pytest

from ops.doctor.probe import Verdict
from tests.ops.doctor.healthy_placing import PlacedAccount, examine_run
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer


def test_what_was_placed_is_asked_for_and_nothing_else() -> None:
    (finding,) = examine_run("B4", "B8")["B8"].findings
    assert (finding.verdict, finding.text) == (Verdict.OK, "3 of 3 metrics count the run")  # and its function


def test_each_probe_that_placed_something_is_counted() -> None:
    (finding,) = examine_run("B1", "B3", "B4", "B5", "B6", "B7", "B8")["B8"].findings
    assert (finding.verdict, finding.text) == (Verdict.OK, "18 of 18 metrics count the run")


def test_metrics_that_never_come_are_named() -> None:
    account = PlacedAccount(silent=frozenset({"MailsDelivered", "ExecutionsStarted"}))
    (finding,) = examine_run("B1", "B8", account=account)["B8"].findings
    assert finding.verdict is Verdict.WRONG
    assert finding.text == ("2 of 10 metrics count nothing 10 minutes after the run: ExecutionsStarted, MailsDelivered")


@pytest.mark.parametrize(
    ("answer", "said"),
    [(DENIED, "not allowed: cloudwatch:GetMetricData"), (THROTTLED, "AWS throttles GetMetricData")],
)
def test_what_keeps_it_from_its_answer_is_named(answer: Answer, said: str) -> None:
    (finding,) = examine_run("B1", "B8", others={"cloudwatch.GetMetricData": answer})["B8"].findings
    assert (finding.verdict, finding.text) == (Verdict.CANNOT_SAY, said)


def test_without_an_order_there_is_nothing_to_count() -> None:
    (finding,) = examine_run("B8")["B8"].findings
    assert (finding.verdict, finding.text) == (Verdict.CANNOT_SAY, "not tried: no order was placed (B1)")
