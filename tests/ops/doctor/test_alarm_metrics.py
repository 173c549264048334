"""The probe of the alarms' expressions, against every answer that AWS may give."""

from collections.abc import Mapping
from typing import Any

import pytest

from ops.doctor.examination import Examined
from ops.doctor.looking.alarm_metrics import PROBES
from ops.doctor.probe import Verdict
from tests.ops.doctor import recorded
from tests.ops.doctor.healthy_services import EXPRESSION, HEALTHY, NOW, OUTPUTS
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer, deny_after_first

(PROBE,) = PROBES
NUMBERS = "cloudwatch.GetMetricData"


def ask(answers: Mapping[str, Answer], stage: str = "dev") -> Examined:
    return recorded.ask(PROBE, {**HEALTHY, **answers}, stage=stage, **OUTPUTS)


def give(status: str = "Complete", **values: float) -> dict[str, Any]:
    """Numbers of the expression and its metrics; none of those that are not named."""
    return {
        "MetricDataResults": [
            {
                "Id": name,
                "Values": [values[name]] if name in values else [],
                "Timestamps": [NOW] if name in values else [],
                "StatusCode": status,
            }
            for name in ("expr", "errors", "calls")
        ]
    }


@pytest.mark.parametrize(
    ("numbers", "verdict", "says"),
    [
        (
            give(expr=1, errors=1, calls=1),
            Verdict.OK,
            "1 of 1 expressions give a number; of 0 no metric reported in 3 hours",
        ),
        (give(expr=1, calls=1), Verdict.OK, "1 of 1 expressions give a number"),
        (give(expr=0), Verdict.OK, "1 of 1 expressions give a number"),
        (give(), Verdict.OK, "0 of 1 expressions give a number; of 1 no metric reported in 3 hours"),
        (give(calls=1), Verdict.WRONG, "order-processing-dev-StepsFailing gives no number, though some of its metrics"),
        (
            give("InternalError"),
            Verdict.CANNOT_SAY,
            "could not evaluate order-processing-dev-StepsFailing: InternalError",
        ),
        ({"MetricDataResults": []}, Verdict.CANNOT_SAY, "order-processing-dev-StepsFailing: no answer"),
        (give("Forbidden"), Verdict.CANNOT_SAY, "Forbidden"),
        (DENIED, Verdict.CANNOT_SAY, "not allowed: cloudwatch:GetMetricData"),
        (THROTTLED, Verdict.CANNOT_SAY, "AWS throttles GetMetricData"),
    ],
)
def test_an_expression_must_give_a_number_where_a_metric_did(numbers: Answer, verdict: Verdict, says: str) -> None:
    examined = ask({NUMBERS: numbers})
    assert examined.verdict is verdict
    (finding,) = examined.findings
    assert says in finding.text


def test_an_alarm_that_will_not_fire_is_named_even_if_the_next_may_not_be_asked() -> None:
    names = ("order-processing-dev-StepsFailing", "order-processing-dev-MailsFailing")
    alarms = [{"AlarmName": name, "Metrics": EXPRESSION} for name in names]
    answers: Mapping[str, Answer] = {
        "cloudwatch.DescribeAlarms": {"MetricAlarms": alarms},
        NUMBERS: deny_after_first(give(calls=1)),
    }
    assert [one.verdict for one in ask(answers).findings] == [Verdict.WRONG, Verdict.CANNOT_SAY]


def test_numbers_come_in_pages() -> None:
    results: Any = give(expr=1, calls=1)

    def page(asked: Mapping[str, Any]) -> Any:
        first, *others = results["MetricDataResults"]
        if "NextToken" in asked:
            return {"MetricDataResults": [first]}
        others = [{**others[0], "StatusCode": "PartialData"}, *others]
        return {"MetricDataResults": others, "NextToken": "more"}

    assert ask({NUMBERS: page}).verdict is Verdict.OK


def test_the_alarms_themselves_may_not_be_asked_or_are_gone() -> None:
    assert ask({"cloudwatch.DescribeAlarms": DENIED}).findings[0].text == "not allowed: cloudwatch:DescribeAlarms"
    none: Answer = {"MetricAlarms": [], "CompositeAlarms": []}
    assert "the stack has no alarms on expressions" in ask({"cloudwatch.DescribeAlarms": none}).findings[0].text


def test_the_local_stack_has_none() -> None:
    assert ask({}, stage="local").verdict is Verdict.NOT_LOCAL
