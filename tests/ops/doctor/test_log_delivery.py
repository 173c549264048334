"""The probes of the logs, against every answer that AWS may give."""

import shlex
from collections.abc import Mapping
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from ops.doctor.examination import Examined
from ops.doctor.looking import log_delivery
from ops.doctor.looking.log_delivery import PROBES
from ops.doctor.probe import Verdict
from tests.ops.doctor import recorded
from tests.ops.doctor.healthy_services import DELIVERY_POLICY, EXECUTION_LOG_ARN, HEALTHY, OUTPUTS, QUERIES
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer, Refusal

BY_ID = {probe.id: probe for probe in PROBES}
MACHINE = "stepfunctions.DescribeStateMachine"
POLICIES = "logs.DescribeResourcePolicies"
RESULTS = "logs.GetQueryResults"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five seconds a look at the clock, and none asleep."""
    seconds = count(step=5)
    clock = SimpleNamespace(monotonic=lambda: next(seconds), sleep=lambda _: None)
    monkeypatch.setattr(log_delivery, "time", clock)


def ask(probe: str, answers: Mapping[str, Answer], stage: str = "dev") -> Examined:
    return recorded.ask(BY_ID[probe], {**HEALTHY, **answers}, stage=stage, **OUTPUTS)


def log_to(**changes: Any) -> Answer:
    healthy: Any = HEALTHY[MACHINE]
    return {**healthy, "loggingConfiguration": {**healthy["loggingConfiguration"], **changes}}


def policies(*documents: str) -> Answer:
    return {"resourcePolicies": [{"policyName": "any", "policyDocument": document} for document in documents]}


def test_transitions_come_to_the_execution_log() -> None:
    examined = ask("A8", {})
    assert examined.verdict is Verdict.OK
    assert [finding.text for finding in examined.findings] == [
        "the state machine logs each transition, without the orders' data",
        "logs may be delivered to /aws/vendedlogs/states/order-processing-dev;"
        " 1 of the account's 10 resource policies are used",
    ]


OTHER_GROUP = [{"cloudWatchLogsLogGroup": {"logGroupArn": f"{EXECUTION_LOG_ARN}-2:*"}}]


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({MACHINE: log_to(level="ERROR")}, "does not log each transition"),
        ({MACHINE: log_to(destinations=OTHER_GROUP)}, "does not log each transition"),
        ({MACHINE: log_to(destinations=[])}, "does not log each transition"),
        ({MACHINE: {**HEALTHY[MACHINE], "loggingConfiguration": {}}}, "does not log each transition"),  # type: ignore[dict-item]
        ({MACHINE: log_to(includeExecutionData=True)}, "logs the orders' data, with addresses"),
        ({POLICIES: policies()}, "no resource policy lets logs be delivered to /aws/vendedlogs/states/"),
        ({POLICIES: policies(DELIVERY_POLICY.replace("states/order", "states/other"))}, "no resource policy"),
        ({POLICIES: policies(DELIVERY_POLICY.replace("123456789012", "210987654321"))}, "no resource policy"),
    ],
)
def test_a_log_that_would_stay_empty_or_say_too_much_is_wrong(answers: Mapping[str, Answer], says: str) -> None:
    examined = ask("A8", answers)
    assert examined.verdict is Verdict.WRONG
    assert any(says in finding.text for finding in examined.findings)


def test_delivery_is_allowed_by_a_command_that_works() -> None:
    """The policy that it puts is one that the probe takes."""
    remedy = str(ask("A8", {POLICIES: policies()}).findings[-1].remedy)
    words = shlex.split(remedy.split("`")[1])
    assert words[:-1] == [
        *("aws", "logs", "put-resource-policy"),
        *("--policy-name", "order-processing-dev-delivery", "--policy-document"),
    ]
    document = words[-1]
    assert ask("A8", {POLICIES: policies(document)}).verdict is Verdict.OK


def test_a_policy_that_is_not_understood_is_not_guessed() -> None:
    examined = ask("A8", {POLICIES: policies(DELIVERY_POLICY.replace("ArnLike", "ArnLikeIfExists"))})
    assert examined.verdict is Verdict.CANNOT_SAY
    assert "ArnLikeIfExists" in examined.findings[-1].text


def test_all_saved_queries_are_started_before_any_is_awaited() -> None:
    aws = recorded.RecordedAws(HEALTHY)
    subject = recorded.make_subject(aws, outputs=OUTPUTS)
    findings = list(BY_ID["A12"].ask(subject))
    assert [finding.text for finding in findings] == ["2 of 2 queries answer for the last hour; 3.0 MB scanned"]
    started = [call for call in aws.calls if call in ("logs.StartQuery", RESULTS)]
    assert started == ["logs.StartQuery"] * len(QUERIES) + [RESULTS] * len(QUERIES)


def test_a_query_is_awaited_until_it_ends() -> None:
    statuses = iter(["Scheduled", "Running", "Complete", "Complete"])

    def answer(_: Any) -> Any:
        return {"status": next(statuses), "statistics": {"bytesScanned": 0.0}}

    assert ask("A12", {RESULTS: answer}).verdict is Verdict.OK


def refuse(asked: Mapping[str, Any]) -> Any:
    return Refusal("MalformedQueryException", "unexpected symbol found (") if asked["queryString"] else {"queryId": "1"}


@pytest.mark.parametrize(
    ("answers", "verdict", "says"),
    [
        (
            {"logs.StartQuery": refuse},
            Verdict.WRONG,
            "AWS does not take the query order-processing-dev/slowest states:",
        ),
        ({RESULTS: {"status": "Failed"}}, Verdict.WRONG, "slowest states ended as Failed"),
        ({RESULTS: {"status": "Timeout"}}, Verdict.WRONG, "slowest states ended as Timeout"),
        ({RESULTS: {"status": "Running"}}, Verdict.CANNOT_SAY, "slowest states runs for more than 15 seconds"),
        (
            {"logs.DescribeQueryDefinitions": {"queryDefinitions": []}},
            Verdict.WRONG,
            "2 of the 2 saved queries are gone",
        ),
        (
            {"cloudformation.ListStackResources": {"StackResourceSummaries": []}},
            Verdict.CANNOT_SAY,
            "the stack has no saved queries",
        ),
        ({"logs.StartQuery": Refusal("LimitExceededException")}, Verdict.CANNOT_SAY, "AWS throttles StartQuery"),
    ],
)
def test_each_end_of_a_query_is_judged(answers: Mapping[str, Answer], verdict: Verdict, says: str) -> None:
    examined = ask("A12", answers)
    assert examined.verdict is verdict
    assert any(says in finding.text for finding in examined.findings)


@pytest.mark.parametrize("groups", [{}, {"logGroupNames": []}])
def test_a_query_that_names_no_log_group_is_not_run(groups: dict[str, Any]) -> None:
    healthy: Any = HEALTHY["logs.DescribeQueryDefinitions"]
    first, second = healthy["queryDefinitions"]
    bare = {name: value for name, value in first.items() if name != "logGroupNames"} | groups
    examined = ask("A12", {"logs.DescribeQueryDefinitions": {"queryDefinitions": [bare, second]}})
    assert examined.verdict is Verdict.CANNOT_SAY
    assert [finding.text for finding in examined.findings] == [
        f"the query {first['name']} names no log group to run it on",
        "1 of 1 queries answer for the last hour; 1.5 MB scanned",
    ]


def test_the_accounts_queries_come_in_pages() -> None:
    healthy: Any = HEALTHY["logs.DescribeQueryDefinitions"]
    first, second = healthy["queryDefinitions"]

    def describe(asked: Mapping[str, Any]) -> Any:
        if "nextToken" in asked:
            return {"queryDefinitions": [second]}
        return {"queryDefinitions": [first], "nextToken": "more"}

    assert ask("A12", {"logs.DescribeQueryDefinitions": describe}).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("probe", "operation", "action"),
    [
        ("A8", MACHINE, "states:DescribeStateMachine"),
        ("A8", POLICIES, "logs:DescribeResourcePolicies"),
        ("A12", "logs.DescribeQueryDefinitions", "logs:DescribeQueryDefinitions"),
        ("A12", "logs.StartQuery", "logs:StartQuery"),
        ("A12", RESULTS, "logs:GetQueryResults"),
    ],
)
def test_what_may_not_be_asked_is_named(probe: str, operation: str, action: str) -> None:
    assert ask(probe, {operation: DENIED}).findings[-1].text == f"not allowed: {action}"
    assert ask(probe, {operation: THROTTLED}).verdict is Verdict.CANNOT_SAY


@pytest.mark.parametrize("probe", ["A8", "A12"])
def test_the_local_aws_has_neither(probe: str) -> None:
    assert ask(probe, {}, stage="local").verdict is Verdict.NOT_LOCAL
