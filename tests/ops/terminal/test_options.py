"""Which stack a command goes to: what is typed wins over the environment, and two that differ are an error."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from typing import Any, NamedTuple

import pytest

from ops.stack import Stack
from ops.terminal import options
from tests.answers import Answer, run_in_process
from tests.ops.moto_stack import moto_stack, put, rows
from tests.ops.states import States

# The stack of each stage, and the one that --local finds.
REGIONS = {"local": "eu-west-1", "dev": "eu-west-2", "prod": "us-east-1", "here": "us-west-2"}

NOT_ONE = "must be one of local, dev, prod, not 'nonsense'"
NONE = "--stage: name the stack, as in --stage dev, or take the local AWS with --local"
DIFFER = ": they differ; name one"


class Case(NamedTuple):
    """ORDERS_STAGE, what stands before the command's name, and after it: the stack, or the error."""

    environment: str | None
    before: str
    after: str
    expected: str


CASES = [
    Case(None, "", "", NONE),
    Case("", "", "", NONE),
    Case("dev", "", "", "dev"),
    Case("local", "", "", "local"),
    Case("nonsense", "", "", f"ORDERS_STAGE: {NOT_ONE}"),
    # what is typed wins over the environment
    Case("local", "--stage dev", "", "dev"),
    Case("local", "", "--stage dev", "dev"),
    Case("dev", "--stage=prod", "", "prod"),
    Case("prod", "--local", "", "here"),
    Case("prod", "", "--local", "here"),
    Case("nonsense", "--local", "", "here"),
    Case("nonsense", "", "--stage dev", "dev"),
    # two that agree
    Case("prod", "--stage dev", "--stage dev", "dev"),
    Case("prod", "--local", "--local", "here"),
    Case(None, "--local", "--stage local", "here"),
    # two that do not
    Case(None, "--stage dev", "--stage prod", f"--stage dev and --stage prod{DIFFER}"),
    Case("dev", "", "--stage dev --stage prod", f"--stage dev and --stage prod{DIFFER}"),
    Case("dev", "--stage dev --stage prod", "", f"--stage dev and --stage prod{DIFFER}"),
    Case(None, "--local", "--stage dev", f"--stage dev and --local{DIFFER}"),
    Case(None, "--stage dev", "--local", f"--stage dev and --local{DIFFER}"),
    Case("dev", "--local --stage dev", "", f"--stage dev and --local{DIFFER}"),
    # a stage that there is not
    Case(None, "--stage nonsense", "", f"--stage: {NOT_ONE}"),
    Case("dev", "", "--stage nonsense", f"--stage: {NOT_ONE}"),
    Case("dev", "--stage nonsense", "--stage dev", f"--stage: {NOT_ONE}"),
    Case("dev", "--stage nonsense", "--local", f"--stage: {NOT_ONE}"),
    Case(None, "--stage=", "", "--stage: must be one of local, dev, prod, not ''"),
]

Stacks = Mapping[str, Stack]
NUMBERS = count()


@pytest.fixture(scope="module")
def stacks() -> Iterator[Stacks]:
    with ExitStack() as opened:
        made = {
            name: opened.enter_context(moto_stack(tables=True, states=States(), region=region))
            for name, region in REGIONS.items()
        }
        for name, stack in made.items():
            put(stack, "OrdersTableName", order_id={"S": f"order-{name}"}, status={"S": "PROCESSING"})
        yield made


@pytest.fixture(autouse=True)
def found(stacks: Stacks, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Give what `connect` was asked for."""
    asked: list[dict[str, Any]] = []

    def connect(stage: str, **named: Any) -> Stack:
        asked.append({"stage": stage, **named})
        return stacks[stage]

    monkeypatch.setattr(options, "connect_stack", connect)
    monkeypatch.setattr(options, "connect_local", lambda: stacks["here"])
    monkeypatch.delenv("ORDERS_STAGE", raising=False)
    return asked


@pytest.fixture(params=CASES, ids=lambda case: " ".join(map(repr, case[:3])))
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    case: Case = request.param
    if case.environment is not None:
        monkeypatch.setenv("ORDERS_STAGE", case.environment)
    return case


def run(*words: str) -> Answer:
    return run_in_process(*(part for word in words for part in word.split()))


def refused(answer: Answer, told: str) -> None:
    assert (answer.code, answer.out) == (2, "")
    assert f"error: {told}\n" in answer.err


def take_written(stacks: Stacks) -> list[str]:
    """Name the stacks to which stock was added or in which an order was cancelled, and take it away again."""
    written = []
    for name, stack in stacks.items():
        stock = [("InventoryTableName", {"item_id": row["item_id"]}) for row in rows(stack, "InventoryTableName")]
        orders = [("OrdersTableName", {"order_id": row["order_id"]}) for row in rows(stack, "OrdersTableName")]
        added = stock + [(table, key) for table, key in orders if key != {"order_id": {"S": f"order-{name}"}}]
        for table, key in added:
            stack.client("dynamodb").delete_item(TableName=stack[table], Key=key)
            written.append(name)
    return written


def test_a_reading_command_asks_the_stack_that_is_named(stacks: Stacks, case: Case) -> None:
    answer = run(case.before, "list", case.after)
    if case.expected in stacks:
        assert answer.code == 0
        assert [name for name in stacks if f"order-{name}" in answer.out] == [case.expected]
    else:
        refused(answer, case.expected)


@pytest.mark.parametrize(
    "command",
    [
        "{before} cancel order-1 --yes {after}",
        "{before} stock add {after} item{number} 5",
        "stock {before} add item{number} 5 {after}",
    ],
)
def test_a_writing_command_writes_to_the_stack_that_is_named_and_to_no_other(
    stacks: Stacks, case: Case, command: str
) -> None:
    number = next(NUMBERS)  # its movements stay
    answer = run(command.format(before=case.before, after=case.after, number=number))
    if case.expected in stacks:
        assert answer.code == 0, answer
        assert take_written(stacks) == [case.expected]
    else:
        refused(answer, case.expected)
        assert take_written(stacks) == []


@pytest.mark.parametrize("command", ["cost", "stock show", "list"])
@pytest.mark.parametrize(
    ("option", "told"),
    [("--stage nonsense", f"--stage: {NOT_ONE}"), ("--local --stage dev", f"--stage dev and --local{DIFFER}")],
)
def test_what_is_typed_is_checked_also_where_no_stack_is_needed(command: str, option: str, told: str) -> None:
    refused(run(option, command), told)


@pytest.mark.parametrize("arguments", ["{} list", "list {}"])
def test_a_profile_and_a_region_are_handed_on_from_either_place(found: list[dict[str, Any]], arguments: str) -> None:
    assert run("--stage dev", arguments.format("--profile work --region eu-west-1")).code == 0
    assert found == [{"stage": "dev", "profile": "work", "region": "eu-west-1"}]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("--profile work", "--profile home", f"--profile work and --profile home{DIFFER}"),
        ("--region a", "--region b", f"--region a and --region b{DIFFER}"),
        ("--local", "--profile work", "--local: the local AWS has neither profiles nor regions"),
        ("--region a", "--local", "--local: the local AWS has neither profiles nor regions"),
        ("--stage dev", "--profile=", "--profile, --region: must not be empty"),
    ],
)
def test_profiles_and_regions_that_cannot_be_are_refused(before: str, after: str, told: str) -> None:
    refused(run(before, "list", after), told)
