"""`orders doctor --probe` as it is typed: what it says before, whom it asks, and what it says whatever happens."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ops.doctor import consultation
from ops.doctor.catalogue import make_placing
from ops.doctor.examination import ask_probe, begin_probe
from ops.doctor.looking import deployed_versions
from ops.terminal import screen
from tests.ops.command import Command
from tests.ops.doctor.cut_off import actions_of
from tests.ops.doctor.healthy_placing import OUTPUTS, RUN, PlacedAccount, describe_stack, make_run
from tests.ops.doctor.recorded import Answer, RecordedAws, make_subject

Typed = Callable[..., Command]
CLEAN = "`orders doctor --clean` removes the orders and the stock that this placed"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Give the command line on an account; one probe looks, and no time passes."""
    monkeypatch.setattr(consultation, "LOOKS", deployed_versions.PROBES[:1])
    monkeypatch.setattr(consultation, "Run", make_run)

    def make(answers: Mapping[str, Answer], stage: str = "dev") -> Command:
        return Command(make_subject(RecordedAws(answers), stage=stage, outputs=OUTPUTS).stack, monkeypatch)

    return make


def protected(status: str) -> dict[str, Any]:
    return {"Stacks": [{**describe_stack(status)["Stacks"][0], "EnableTerminationProtection": True}]}


def test_it_looks_first_says_what_it_does_and_how_to_clean(typed: Typed) -> None:
    account = PlacedAccount()
    answer = typed(account.answers())("doctor", "--probe")
    assert answer.code == 0, answer
    assert [
        line.split()[0] for line in answer.out.splitlines() if line.startswith("  A") or line.startswith("  B")
    ] == [*("A1", "B0", "B1", "B2", "B3", "B4", "B5", "B6", "B7")]
    assert f"placing orders of its own in order-processing-dev, each with an id that begins with {RUN}" in answer.err
    assert "two alarms are set to ALARM" in answer.err
    assert answer.err.rstrip().endswith(CLEAN)


def test_the_local_aws_says_what_it_lacks_and_no_alarm_is_announced(typed: Typed) -> None:
    account = PlacedAccount(mails={"success": "SENT"}, alias=None)
    answer = typed(account.answers(), stage="local")("doctor", "--probe")
    assert answer.code == 0, answer
    assert "  B3   not local   the local SES reports no events of mails\n" in answer.out
    assert answer.out.endswith("7 ok, 2 not on the local AWS\n")
    assert "alarms" not in answer.err


def test_the_metrics_are_for_the_patient(typed: Typed) -> None:
    found = typed(PlacedAccount().answers()).json("doctor", "--probe", "--patient", schema="doctor")
    assert [one["probe"] for one in found["probes"]][-1] == "B8"
    assert found["verdict"] == "OK"


def test_a_probe_that_is_named_gets_its_stock_and_no_other_is_asked(typed: Typed) -> None:
    account = PlacedAccount()
    found = typed(account.answers()).json("doctor", "--probe", "B4", schema="doctor")
    assert [one["probe"] for one in found["probes"]] == ["B0", "B4"]
    assert account.published == ["short"]


def test_a_probe_that_is_named_brings_what_it_rests_on(typed: Typed) -> None:
    found = typed(PlacedAccount().answers()).json("doctor", "--probe", "B6", schema="doctor")
    assert [(one["probe"], one["verdict"]) for one in found["probes"]] == [("B0", "OK"), ("B1", "OK"), ("B6", "OK")]


def test_without_it_nothing_is_placed(typed: Typed) -> None:
    account = PlacedAccount()
    assert typed(account.answers())("doctor").code == 0
    assert (account.published, account.alarms_set, account.stopped) == ([], [], [])


def test_prod_asks_first(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    account = PlacedAccount()
    answers = {**account.answers(), "cloudformation.DescribeStacks": protected("UPDATE_COMPLETE")}
    orders = typed(answers, stage="prod")
    refused = orders("doctor", "--probe")
    assert (refused.code, account.published) == (2, [])
    assert "--yes: needed where nobody can be asked: Place them in order-processing-prod?" in refused.err

    monkeypatch.setattr(screen, "is_interactive", lambda: True)
    assert orders("doctor", "--probe", stdin="n\n").code == 1
    assert account.published == []
    assert orders("doctor", "--probe", "--yes").code == 0
    assert "success" in account.published


def test_prod_refuses_while_a_deployment_is_under_way(typed: Typed) -> None:
    account = PlacedAccount()
    answers = {**account.answers(), "cloudformation.DescribeStacks": protected("UPDATE_IN_PROGRESS")}
    answer = typed(answers, stage="prod")("doctor", "--probe", "--yes")
    assert (answer.code, account.published, account.alarms_set) == (1, [], [])
    assert "order-processing-prod is UPDATE_IN_PROGRESS: wait until the deployment has ended" in answer.err


def test_an_interrupted_run_says_how_to_clean(typed: Typed) -> None:
    def interrupt(_asked: Mapping[str, Any]) -> Mapping[str, Any]:
        raise KeyboardInterrupt

    answers = {**PlacedAccount().answers(), "stepfunctions.GetExecutionHistory": interrupt}
    answer = typed(answers)("doctor", "--probe")
    assert answer.code == 130
    assert CLEAN in answer.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--clean", "--probe"), "--clean: leave out --probe"),
        (("--clean", "--json", "A1"), "--clean: leave out PROBE, --json"),
        (("--before", "dev", "--probe"), "--before: leave out --probe"),
        (("--patient",), "--patient: only with --probe"),
        (("B4",), "PROBE: must be one of A1, not 'B4'"),
        (("--probe", "B8"), "PROBE: must be one of A1, B0, B1, B2, B3, B4, B5, B6, B7, not 'B8'"),
    ],
)
def test_what_cannot_be_said_together_is_refused(typed: Typed, words: tuple[str, ...], said: str) -> None:
    account = PlacedAccount()
    answer = typed(account.answers())("doctor", *words)
    assert (answer.code, answer.out, account.published) == (2, "", [])
    assert said in answer.err


@pytest.mark.parametrize("number", range(9))
def test_each_probe_names_the_actions_of_its_calls(number: int) -> None:
    """Those of one that is healthy, and of one whose order never began: then its dead letters are looked at."""
    made = set[str]()
    nowhere = PlacedAccount(absent=frozenset({"success", "bounce", "complaint", "short"}), dead=["malformed"])
    for account in (PlacedAccount(), nowhere):
        aws = RecordedAws(account.answers())
        probes = make_placing(make_run())
        for probe in probes[: 2 if number in (6, 8) else 1]:  # those that it builds on
            begin_probe(probe, make_subject(aws, outputs=OUTPUTS))
        aws.calls.clear()
        subject = make_subject(aws, outputs=OUTPUTS)
        begin_probe(probes[number], subject)
        ask_probe(probes[number], subject)
        made |= actions_of(aws.calls)
    assert made == set(probes[number].actions)
