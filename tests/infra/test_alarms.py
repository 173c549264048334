"""Which alarms ring, and which do not: each one's condition is raised in terms of its metrics."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from infra.paths import ROOT
from infra.settings import AlarmThresholds
from tests.infra.alarms import Series, alarms, evaluate, follow_alarms, ringing, watched
from tests.infra.conftest import Template
from tests.infra.resources import (
    ALARM_TOPIC,
    CONFIGURATION_SET,
    FUNCTIONS,
    INVENTORY,
    MAIL_EVENT_DLQ,
    ORDER_DLQ,
    ORDER_QUEUE,
    ORDERS,
    RELEASE_DLQ,
    STATE_MACHINE,
    STEPS,
    allowed_on,
    function_id,
    texts,
)

LIMITS = AlarmThresholds()
HOUR = range(12)  # slots of five minutes
DAY = range(288)
NOW = range(5, 6)
A_WHILE = range(4, 8)

# What one metric alone can tell; the others need what the local CloudWatch has not got.
SIMPLE = {
    *("OldestOrderWaits", "OrderDlqNotEmpty", "ReleaseDlqNotEmpty", "MailEventDlqNotEmpty"),
    *("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsThrottled"),
}
# SES counts these rates while mails are sent; without a new one the last still holds.
REPUTATION = {"MailsBouncing", "MailsComplained"}
ALL = SIMPLE | {
    *(
        "OrdersNotFlowing",
        "StarterFailing",
        "StepsFailing",
        "FunctionsFailing",
        "FunctionsThrottled",
        "TablesThrottled",
    ),
    *REPUTATION,
}


class Account:
    """What CloudWatch is told. Everything counts, but for ages, depths and rates, which are as they were set last."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self.metrics: dict[tuple[str, str], list[float | None]] = {}

    def tell(self, metric: str, subject: str, value: float, slots: Iterable[int] = NOW) -> None:
        series = self.metrics.setdefault((metric, subject), [])
        for slot in slots:
            series.extend([None] * (slot + 1 - len(series)))
            series[slot] = (series[slot] or 0) + value

    def calls(self, name: str, calls: float, slots: Iterable[int], *, faults: float = 0, answers: float = 0) -> None:
        """Calls of a function, of which some fail and some answer by raising; Lambda counts both as errors."""
        slots = list(slots)
        subject = function_id(self._template, name)
        self.tell("Invocations", subject, calls, slots)
        self.tell("Errors", subject, faults + answers, slots)
        self.tell("Throttles", subject, 0, slots)
        if answers:
            self.answers(answers, slots)

    def answers(self, answers: float, slots: Iterable[int]) -> None:
        self.counts("StepsAnswered", answers, slots)

    def counts(self, metric: str, value: float, slots: Iterable[int]) -> None:
        """What the functions count themselves."""
        self.tell(metric, f"order-processing-{self._template.stage}", value, slots)

    def orders_that_stay(self, orders: Iterable[int]) -> None:
        """Orders, by the minute of their publishing, at which the starter fails until the dead letters have them.

        SQS leaves a message out of the age of the oldest one once it was received three times.
        """
        for published in orders:
            for delivery in range(12):
                slot = (published + 2 * delivery) // 5
                self.calls("StartWorkflow", 1, [slot])
                self.counts("OrdersLeft", 1, [slot])
                age = self.metrics.setdefault(("ApproximateAgeOfOldestMessage", ORDER_QUEUE), [])
                age.extend([None] * (slot + 1 - len(age)))
                age[slot] = max(age[slot] or 0, 120 * min(delivery + 1, 3))

    def throttles(self, name: str, throttles: float, slots: Iterable[int]) -> None:
        self.tell("Throttles", function_id(self._template, name), throttles, slots)

    def good_orders(self, orders: int, slots: Iterable[int]) -> None:
        slots = list(slots)
        self.calls("StartWorkflow", orders, slots)
        self.counts("OrdersAccepted", orders, slots)
        for step in ("UpdateOrder", "ReserveInventory", "SendEmail"):
            self.calls(step, orders, slots)
        self.calls("TrackEmail", 2 * orders, slots)
        for metric in ("ExecutionsStarted", "ExecutionsSucceeded"):
            self.tell(metric, STATE_MACHINE, orders, slots)
        for metric in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"):
            self.tell(metric, STATE_MACHINE, 0, slots)

    def rejected_orders(self, orders: int, slots: Iterable[int]) -> None:
        slots = list(slots)
        self.calls("StartWorkflow", orders, slots)
        self.counts("OrdersAccepted", orders, slots)
        self.calls("UpdateOrder", orders, slots)
        self.calls("ReserveInventory", orders, slots, answers=orders)  # OutOfStock
        self.calls("RejectOrder", orders, slots)

    def duplicates(self, orders: int, slots: Iterable[int]) -> None:
        """Orders of long ago, published again: UpdateOrder raises OrderAlreadyConfirmed, and the mail is sent."""
        slots = list(slots)
        self.calls("StartWorkflow", orders, slots)
        self.counts("OrdersDuplicate", orders, slots)
        self.calls("UpdateOrder", orders, slots, answers=orders)
        self.calls("SendEmail", orders, slots)


Scenario = Callable[[Account], None]


# --- one for each alarm -------------------------------------------------------------------------------------------


def the_starter_is_not_called(account: Account) -> None:
    """Its event source mapping is switched off, or it is slower than orders come in: messages are not received."""
    account.tell("ApproximateAgeOfOldestMessage", ORDER_QUEUE, LIMITS.oldest_order_seconds)


def the_starter_fails_at_each_order_of_a_minute(account: Account) -> None:
    account.good_orders(5, range(2))
    account.orders_that_stay(range(10, 30))


def the_starter_fails_at_the_only_order_of_a_night(account: Account) -> None:
    account.orders_that_stay([0])


def step_functions_is_away_for_a_quarter_of_an_hour(account: Account) -> None:
    account.good_orders(1000, range(5))
    account.counts("OrdersLeft", 2500, range(5, 8))
    account.good_orders(1000, range(8, 12))


def an_order_is_refused(account: Account) -> None:
    account.good_orders(100, HOUR)
    account.tell("ApproximateNumberOfMessagesVisible", ORDER_DLQ, 1)


def a_release_is_lost(account: Account) -> None:
    account.tell("ApproximateNumberOfMessagesVisible", RELEASE_DLQ, 1)


def a_mails_end_cannot_be_noted(account: Account) -> None:
    account.tell("ApproximateNumberOfMessagesVisible", MAIL_EVENT_DLQ, 1)


def a_mail_is_refused(account: Account) -> None:
    account.good_orders(1, NOW)
    account.calls("SendEmail", 1, NOW, answers=1)  # EmailRejected
    account.calls("ReleaseAbandoned", 1, NOW)
    account.tell("ExecutionsFailed", STATE_MACHINE, 1)


def an_execution_takes_over_a_day(account: Account) -> None:
    account.tell("ExecutionsTimedOut", STATE_MACHINE, 1)


def step_functions_throttles(account: Account) -> None:
    account.good_orders(1000, HOUR)
    account.tell("ExecutionThrottled", STATE_MACHINE, 1, A_WHILE)


def dynamodb_is_away_for_a_quarter_of_an_hour(account: Account) -> None:
    account.good_orders(100, HOUR)
    account.calls("UpdateOrder", 500, A_WHILE, faults=500)


def a_new_version_cannot_reach_dynamodb(account: Account) -> None:
    """It has a tenth of a hundred orders; each is tried some seven times in five minutes."""
    account.good_orders(90, HOUR)
    account.calls("UpdateOrder", 70, A_WHILE, faults=70)


def a_new_version_crashes(account: Account) -> None:
    """Four tries within seconds, and the order is released: a tenth of a hundred orders."""
    account.good_orders(90, HOUR)
    account.calls("UpdateOrder", 40, A_WHILE, faults=40)
    account.calls("ReleaseInventory", 10, A_WHILE)
    account.calls("ReleaseAbandoned", 10, A_WHILE)
    account.tell("ExecutionsFailed", STATE_MACHINE, 10, A_WHILE)


def the_starter_crashes(account: Account) -> None:
    account.calls("StartWorkflow", LIMITS.function_errors, NOW, faults=LIMITS.function_errors)


def releases_fail(account: Account) -> None:
    account.calls("ReleaseAbandoned", 3, NOW, faults=3)


def mail_events_cannot_be_read(account: Account) -> None:
    account.good_orders(100, HOUR)
    account.calls("TrackEmail", 3, NOW, faults=3)


def functions_are_throttled(account: Account) -> None:
    account.good_orders(1000, HOUR)
    for name, slot in (("SendEmail", 4), ("TrackEmail", 5), ("StartWorkflow", 6)):
        account.throttles(name, 1, [slot])


def a_table_is_throttled(account: Account) -> None:
    account.tell("WriteThrottleEvents", INVENTORY, 1, range(4, 6))
    account.tell("ReadThrottleEvents", ORDERS, 1, [6])


def mails_bounce(account: Account) -> None:
    account.tell("Reputation.BounceRate", CONFIGURATION_SET, 0.05)
    account.tell("Reputation.ComplaintRate", CONFIGURATION_SET, 0.0009)


def customers_complain(account: Account) -> None:
    account.tell("Reputation.BounceRate", CONFIGURATION_SET, 0.049)
    account.tell("Reputation.ComplaintRate", CONFIGURATION_SET, 0.001)


RINGING: Mapping[Scenario, set[str]] = {
    the_starter_is_not_called: {"OldestOrderWaits", "OrdersNotFlowing"},
    the_starter_fails_at_each_order_of_a_minute: {"StarterFailing", "OrdersNotFlowing"},
    the_starter_fails_at_the_only_order_of_a_night: {"StarterFailing", "OrdersNotFlowing"},
    step_functions_is_away_for_a_quarter_of_an_hour: {"StarterFailing", "OrdersNotFlowing"},
    an_order_is_refused: {"OrderDlqNotEmpty"},
    a_release_is_lost: {"ReleaseDlqNotEmpty"},
    a_mails_end_cannot_be_noted: {"MailEventDlqNotEmpty"},
    a_mail_is_refused: {"ExecutionsFailed"},
    an_execution_takes_over_a_day: {"ExecutionsTimedOut"},
    step_functions_throttles: {"ExecutionsThrottled"},
    dynamodb_is_away_for_a_quarter_of_an_hour: {"StepsFailing", "OrdersNotFlowing"},
    a_new_version_cannot_reach_dynamodb: {"StepsFailing", "OrdersNotFlowing"},
    a_new_version_crashes: {"StepsFailing", "OrdersNotFlowing", "ExecutionsFailed"},
    the_starter_crashes: {"FunctionsFailing", "OrdersNotFlowing"},
    releases_fail: {"FunctionsFailing", "OrdersNotFlowing"},
    mail_events_cannot_be_read: {"FunctionsFailing", "OrdersNotFlowing"},
    functions_are_throttled: {"FunctionsThrottled"},
    a_table_is_throttled: {"TablesThrottled"},
    mails_bounce: {"MailsBouncing"},
    customers_complain: {"MailsComplained"},
}


# --- ordinary days --------------------------------------------------------------------------------------------------


def nothing_happens(_account: Account) -> None:
    pass


def a_good_day(account: Account) -> None:
    account.good_orders(1000, DAY)
    account.tell("ApproximateAgeOfOldestMessage", ORDER_QUEUE, LIMITS.oldest_order_seconds - 1, DAY)
    for queue in (ORDER_DLQ, RELEASE_DLQ, MAIL_EVENT_DLQ):
        account.tell("ApproximateNumberOfMessagesVisible", queue, 0, DAY)


def a_day_of_rejected_orders(account: Account) -> None:
    account.rejected_orders(50, DAY)


def a_day_of_duplicates(account: Account) -> None:
    account.duplicates(50, DAY)


def an_out_of_stock_storm(account: Account) -> None:
    account.good_orders(10, DAY)
    account.rejected_orders(20_000, A_WHILE)


def a_storm_whose_answers_are_counted_a_little_late(account: Account) -> None:
    """Lambda's count is there at once, that of the answers comes out of the logs."""
    account.calls("UpdateOrder", 1000, A_WHILE)
    account.calls("ReserveInventory", 1000, A_WHILE, faults=700, answers=300)
    account.answers(700, range(A_WHILE.start + 1, A_WHILE.stop + 1))


def steps_are_retried_within_their_budget(account: Account) -> None:
    account.good_orders(100, DAY)
    for step in STEPS:
        account.calls(step, 6, DAY, faults=6)


def dynamodb_is_away_for_five_minutes(account: Account) -> None:
    account.good_orders(100, HOUR)
    account.calls("UpdateOrder", 500, NOW, faults=500)


def two_orders_at_night_meet_a_fault(account: Account) -> None:
    account.good_orders(2, DAY)
    account.calls("UpdateOrder", 6, DAY, faults=6)


def a_person_stops_an_execution(account: Account) -> None:
    account.good_orders(10, HOUR)
    account.calls("ReleaseAbandoned", 1, NOW)
    account.tell("ExecutionsAborted", STATE_MACHINE, 1)


def a_burst_is_throttled_for_ten_minutes(account: Account) -> None:
    account.good_orders(5000, HOUR)
    account.tell("ExecutionThrottled", STATE_MACHINE, 500, range(5, 7))
    account.throttles("UpdateOrder", 500, range(5, 7))
    account.tell("WriteThrottleEvents", INVENTORY, 500, range(5, 7))


def a_burst_meets_the_quota_of_starts_for_a_moment(account: Account) -> None:
    """300 a second are started; of the rest most is received twice before its turn comes."""
    account.good_orders(100, HOUR)
    account.good_orders(3000, range(5, 7))
    account.counts("OrdersLeft", 2500, range(5, 7))


def no_order_can_be_started_for_five_minutes(account: Account) -> None:
    account.good_orders(10, range(5))
    account.counts("OrdersLeft", 25, NOW)
    account.good_orders(20, range(6, 12))


def an_order_stays_alone_while_others_are_started(account: Account) -> None:
    """It was published again while its execution is redriven: it waits for that one's end."""
    account.good_orders(10, HOUR)
    account.orders_that_stay([0])


def functions_fail_now_and_then(account: Account) -> None:
    for name in set(FUNCTIONS) - set(STEPS):
        account.calls(name, 10, DAY)
    account.calls("TrackEmail", 1, DAY, faults=1)
    account.calls("StartWorkflow", 1, DAY, faults=1)


QUIET = (
    nothing_happens,
    a_good_day,
    a_day_of_rejected_orders,
    a_day_of_duplicates,
    an_out_of_stock_storm,
    a_storm_whose_answers_are_counted_a_little_late,
    steps_are_retried_within_their_budget,
    dynamodb_is_away_for_five_minutes,
    two_orders_at_night_meet_a_fault,
    a_person_stops_an_execution,
    a_burst_is_throttled_for_ten_minutes,
    a_burst_meets_the_quota_of_starts_for_a_moment,
    no_order_can_be_started_for_five_minutes,
    an_order_stays_alone_while_others_are_started,
    functions_fail_now_and_then,
)


def told(template: Template, scenario: Scenario) -> Mapping[tuple[str, str], Series]:
    account = Account(template)
    scenario(account)
    return account.metrics


@pytest.mark.parametrize("scenario", RINGING, ids=lambda scenario: scenario.__name__)
def test_exactly_these_alarms_ring(template: Template, scenario: Scenario) -> None:
    expected = RINGING[scenario] if template.stage != "local" else RINGING[scenario] & SIMPLE
    assert ringing(template, told(template, scenario)) == expected


@pytest.mark.parametrize("scenario", QUIET, ids=lambda scenario: scenario.__name__)
def test_what_is_ordinary_wakes_nobody(template: Template, scenario: Scenario) -> None:
    assert ringing(template, told(template, scenario)) == set()


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_rate_holds_while_no_mail_is_sent_until_there_is_a_better_one(
    templates: Mapping[str, Template], stage: str
) -> None:
    account = Account(templates[stage])
    account.tell("ApproximateNumberOfMessagesVisible", ORDER_DLQ, 0, DAY)
    account.tell("Reputation.BounceRate", CONFIGURATION_SET, 0.05)
    *_, at_last = follow_alarms(templates[stage], account.metrics)
    assert at_last == {"MailsBouncing"}
    account.tell("Reputation.BounceRate", CONFIGURATION_SET, 0.049, [200])
    *_, at_last = follow_alarms(templates[stage], account.metrics)
    assert at_last == set()


def test_no_alarm_is_without_its_scenario(templates: Mapping[str, Template]) -> None:
    assert set().union(*RINGING.values()) == ALL
    assert {stage: set(alarms(template)) for stage, template in templates.items()} == {
        "local": SIMPLE,
        "dev": ALL,
        "prod": ALL,
    }


def test_a_scenario_tells_of_metrics_that_an_alarm_reads(templates: Mapping[str, Template]) -> None:
    """A metric misspelt here would prove that anything is quiet."""
    template = templates["prod"]
    read = set().union(
        *(watched(properties) for properties in alarms(template).values() if "AlarmRule" not in properties)
    )
    known = {metric for metric, _ in read} | {"ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsAborted"}
    for scenario in (*RINGING, *QUIET):
        assert {metric for metric, _ in told(template, scenario)} <= known, scenario.__name__


# --- what an alarm is to a person -----------------------------------------------------------------------------------


def test_every_alarm_has_a_runbook_and_says_where(template: Template) -> None:
    for alarm_id, properties in alarms(template).items():
        runbook = f"docs/runbooks/{alarm_id}.md"
        sentence, _, where = properties["AlarmDescription"].partition(". Runbook: ")
        assert (bool(sentence), where) == (True, runbook)
        assert (ROOT / runbook).is_file(), f"{runbook} is not written"


def test_there_is_no_runbook_without_its_alarm() -> None:
    written = {path.stem for path in Path(ROOT, "docs", "runbooks").glob("*.md")} - {"README"}
    assert written <= ALL


def test_every_alarm_tells_somebody_and_is_quiet_when_nothing_happens(template: Template) -> None:
    for alarm_id, properties in alarms(template).items():
        assert texts(properties["AlarmActions"]) == [ALARM_TOPIC]
        assert properties.get("ActionsEnabled", True) is True
        if "AlarmRule" not in properties:
            assert properties["TreatMissingData"] == ("ignore" if alarm_id in REPUTATION else "notBreaching")


def test_cloudwatch_can_reach_the_alarm_topic(template: Template) -> None:
    """Its own policy has replaced the default one; the key's policy lets CloudWatch use the key."""
    ours = json.dumps({"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}})
    assert allowed_on(template, "AWS::SNS::TopicPolicy", ALARM_TOPIC) == {
        ("cloudwatch.amazonaws.com", "sns:Publish", ours)
    }


def test_an_alarm_reads_no_more_metrics_than_cloudwatch_takes(template: Template) -> None:
    """Ten: "Using metric math"."""
    for alarm_id, properties in alarms(template).items():
        if "AlarmRule" not in properties:
            assert len(watched(properties)) <= 10, alarm_id


def test_every_function_and_table_of_an_orders_way_is_watched(templates: Mapping[str, Template]) -> None:
    template = templates["prod"]
    every = alarms(template)
    functions = {name: function_id(template, name) for name in FUNCTIONS}
    failing = watched(every["StepsFailing"]) | watched(every["FunctionsFailing"])
    assert {subject for metric, subject in failing if metric == "Errors"} == set(functions.values())
    assert watched(every["FunctionsThrottled"]) == {("Throttles", subject) for subject in functions.values()}
    assert watched(every["TablesThrottled"]) == {
        (f"{kind}ThrottleEvents", table) for kind in ("Read", "Write") for table in (ORDERS, INVENTORY)
    }


# --- the metric math that is used ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "values", "result"),
    [
        ("a + b", {"a": 1, "b": None}, None),
        ("FILL(a, 0) + FILL(b, 0)", {"a": 1, "b": None}, 1),
        ("FILL(a, 0)", {"a": 2}, 2),
        ("IF(a >= 20, 100 * b / a, 0)", {"a": 20, "b": 5}, 25),
        ("IF(a >= 20, 100 * b / a, 0)", {"a": 0, "b": 5}, 0),
        ("IF(a >= 20, 1, 0)", {"a": None}, None),
        ("100 * (a - b) / a", {"a": 10, "b": 12}, -20),
    ],
)
def test_metric_math_is_evaluated_as_cloudwatch_does(
    expression: str, values: Mapping[str, float | None], result: float | None
) -> None:
    assert evaluate(expression, values) == result


def test_metric_math_that_is_not_known_is_refused() -> None:
    with pytest.raises(AssertionError, match="no metric math that is known"):
        evaluate("ANOMALY_DETECTION_BAND(a)", {"a": 1})
