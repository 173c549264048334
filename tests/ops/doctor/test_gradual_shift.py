"""The probes of the gradual rollout: every verdict, and that nothing stays broken however they end."""

from collections.abc import Mapping
from typing import Any

import pytest

from ops.doctor.examination import Examined, ask_probe
from ops.doctor.probe import Probe, Verdict
from ops.doctor.rollout.gradual_shift import make_rollout
from tests.ops.doctor.a_clock import AClock
from tests.ops.doctor.cut_off import Trial, actions_of, faults_of
from tests.ops.doctor.recorded import DENIED, RecordedAws, make_subject
from tests.ops.doctor.rollout_world import ALIAS, DEPLOYED, OLD, RolloutWorld

ROLLOUT = ("R1", "R1c", "R2", "R3")
DEPLOYED_EVERYWHERE = {ALIAS: DEPLOYED, "Release": DEPLOYED, "Track": DEPLOYED}


def probe(id_: str, clock: AClock) -> Probe:
    return {one.id: one for one in make_rollout(clock.patience, clock.warn)}[id_]


def ask(id_: str, stage: str = "prod", **wrong: Any) -> tuple[Examined, RolloutWorld]:
    world = RolloutWorld(AClock(), **wrong)
    subject = make_subject(RecordedAws(world.answers), stage=stage)
    examined = ask_probe(probe(id_, world.clock), subject)
    assert world.clock.now < 3 * 3600
    return examined, world


def texts(examined: Examined) -> str:
    return "\n".join(f"{finding.text} → {finding.remedy}" for finding in examined.findings)


@pytest.mark.parametrize(
    ("id_", "wrong", "verdict", "says"),
    [
        ("R1", {}, Verdict.OK, "the workflow was back at 100 % to version 8 after 50 s"),
        ("R1", {}, Verdict.OK, "the stack is UPDATE_ROLLBACK_COMPLETE; now deploy the same commit again"),
        ("R1", {"nobody_deploys": True}, Verdict.CANNOT_SAY, "nobody has started a deploy"),
        ("R1", {"shifts_at_once": True}, Verdict.CANNOT_SAY, "no shift of the workflow was seen"),
        ("R1", {"is_shifting": True}, Verdict.CANNOT_SAY, "a deploy is under way"),
        ("R1", {"is_deploying": True}, Verdict.CANNOT_SAY, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("R1", {"alarm": None}, Verdict.CANNOT_SAY, "there is no alarm order-processing-prod-StepsFailing"),
        ("R1", {"alarm": "ALARM"}, Verdict.CANNOT_SAY, "StepsFailing is firing"),
        ("R1", {"never_returns": True}, Verdict.WRONG, "stepfunctions update-state-machine-alias"),
        ("R1", {"returns_to_new": True}, Verdict.WRONG, "the workflow is not back"),
        ("R1", {"ends_with": "UPDATE_ROLLBACK_FAILED"}, Verdict.WRONG, "UPDATE_ROLLBACK_FAILED"),
        ("R1", {"never_ends": True}, Verdict.CANNOT_SAY, "has not ended"),
        ("R1c", {}, Verdict.OK, "ReleaseAbandoned was back at 100 % to version 8"),
        ("R1c", {}, Verdict.OK, "d-1 is Stopped because of the alarm"),
        ("R1c", {"never_returns": True}, Verdict.WRONG, "lambda update-alias"),
        ("R1c", {"stopped_because": None}, Verdict.WRONG, "stopped no deployment"),
        ("R1c", {"stopped_because": "TIMEOUT"}, Verdict.CANNOT_SAY, "because of TIMEOUT"),
        (
            "R2",
            {},
            Verdict.OK,
            "the workflow was shifted: 90 % to version 7, 10 % to version 9",
        ),
        (
            "R2",
            {},
            Verdict.OK,
            "by hand to version 7, TrackEmail was shifted: 90 % to version 7, 10 % to version 9",
        ),
        (
            "R2",
            {"forgets_where_the_alias_is": True},
            Verdict.OK,
            "90 % to version 8, 10 % to version 9; `-c shift=false` is needed",
        ),
        ("R2", {"shifts_track_first": True}, Verdict.OK, "TrackEmail was shifted: 90 % to version 7"),
        ("R2", {"shifts_at_once": True}, Verdict.CANNOT_SAY, "no shift of TrackEmail was seen"),
        ("R2", {"nobody_deploys": True}, Verdict.CANNOT_SAY, "nobody has started a deploy"),
        ("R2", {"has_one_version": True}, Verdict.CANNOT_SAY, "no version before"),
        ("R2", {"is_shifting": True}, Verdict.CANNOT_SAY, "no version before"),
        ("R3", {}, Verdict.OK, "the workflow was back"),
        ("R3", {"never_returns": True}, Verdict.WRONG, "is not back after 300 s"),
        ("R3", {"ends_with": "UPDATE_COMPLETE"}, Verdict.WRONG, "instead of being taken back"),
    ],
)
def test_each_rollout_has_its_verdict(id_: str, wrong: Mapping[str, Any], verdict: Verdict, says: str) -> None:
    examined, world = ask(id_, **wrong)
    assert says in texts(examined)
    assert examined.verdict is verdict
    assert world.alarm == wrong.get("alarm", "OK")


def test_an_alias_that_no_deploy_has_placed_is_moved_back() -> None:
    _, world = ask("R2", nobody_deploys=True)
    assert world.routes == DEPLOYED_EVERYWHERE


def test_an_alias_that_a_deploy_places_is_left_to_it() -> None:
    _, world = ask("R2")
    assert world.routes == {**DEPLOYED_EVERYWHERE, ALIAS: OLD, "Track": OLD}


@pytest.mark.parametrize(("stage", "shift"), [("prod", ""), ("dev", " -c shift=true")])
def test_the_person_is_told_which_deploy_to_start(stage: str, shift: str) -> None:
    _, world = ask("R1", stage=stage)
    (line,) = [line for line in world.clock.said if line.startswith("start a deploy now")]
    assert f"`make deploy STAGE={stage} 'CDK_ARGS=-c release=ANY-NEW-TEXT{shift}'`" in line


def test_the_local_aws_shifts_nothing() -> None:
    for id_ in ROLLOUT:
        examined, world = ask(id_, stage="local")
        assert examined.verdict is Verdict.NOT_LOCAL
        assert world.clock.said == []


def remains(world: RolloutWorld) -> set[str]:
    """Say what a probe has left behind, by a word of the command that puts it right; a deploy places its aliases."""
    alarm = {"set-alarm-state"} if world.alarm == "ALARM" else set()
    began = world.deploy_began_at
    if began is not None and world.clock.now >= began:
        return alarm
    moved = {ALIAS: "update-state-machine-alias", "Track": "update-alias"}
    return alarm | {word for name, word in moved.items() if world.routes[name] != DEPLOYED}


@pytest.mark.parametrize("id_", ROLLOUT)
def test_whatever_call_fails_the_rollout_is_left_as_it_was_or_its_repair_is_named(id_: str) -> None:
    trial, clock = Trial({}, stage="prod"), AClock()
    trial.run(probe(id_, clock), RolloutWorld(clock).answers)
    healthy = [*trial.calls]
    for fault in faults_of(healthy):
        world = RolloutWorld(AClock())
        examined = trial.run(probe(id_, world.clock), world.answers, fault)
        where = f"{healthy[fault.number]}: {fault}"
        assert (examined is None) is fault.stopped, where
        for word in remains(world):
            assert any(word in line for line in world.clock.said), where
            assert examined is None or word in texts(examined), where


def test_an_update_that_is_refused_moves_nothing() -> None:
    clock = AClock()
    world = RolloutWorld(clock)
    answers = {**world.answers, "stepfunctions.UpdateStateMachineAlias": DENIED}
    examined = ask_probe(probe("R2", clock), make_subject(RecordedAws(answers), stage="prod"))
    assert "states:UpdateStateMachineAlias" in texts(examined)
    assert world.routes == DEPLOYED_EVERYWHERE


@pytest.mark.parametrize("id_", ROLLOUT)
def test_a_rollout_probes_actions_are_those_of_its_calls(id_: str) -> None:
    calls: set[str] = set()
    for nobody_deploys in (False, True):
        clock = AClock()
        aws = RecordedAws(RolloutWorld(clock, nobody_deploys=nobody_deploys).answers)
        ask_probe(probe(id_, clock), make_subject(aws, stage="prod"))
        calls |= actions_of(aws.calls)
    assert set(probe(id_, AClock()).actions) == calls


def test_an_alarm_has_the_state_it_had() -> None:
    _, world = ask("R1", alarm="INSUFFICIENT_DATA")
    assert world.alarm == "INSUFFICIENT_DATA"
