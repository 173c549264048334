"""The probes that break something on purpose: every verdict, and that nothing stays broken however they end."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from functions.shared.order import Order
from functions.track_email.event import MailEvent
from ops.dead_letters.dead_letter import MAIL_EVENTS, ORDERS, RELEASES, DeadLetter
from ops.doctor.announcement import ALARMS, announce_alarms
from ops.doctor.breaking.broken_on_purpose import make_deep
from ops.doctor.breaking.marked_letters import drop_afterwards
from ops.doctor.examination import Examined, ask_probe
from ops.doctor.own_names import is_own_message, is_own_order, make_order
from ops.doctor.probe import Probe, Verdict
from ops.tables.order_row import OrderRow
from tests.ops.doctor.a_clock import AClock
from tests.ops.doctor.cut_off import Trial, actions_of, faults_of
from tests.ops.doctor.deep_world import CONDITION, MAIL_DLQ, ORDER_DLQ, OUTPUTS, RELEASE_DLQ, STATEMENT, DeepWorld
from tests.ops.doctor.recorded import ACCOUNT, DENIED, THROTTLED, RecordedAws, Refusal, make_subject

QUEUES = {RELEASE_DLQ: RELEASES, MAIL_DLQ: MAIL_EVENTS, ORDER_DLQ: ORDERS}
DEEP = ("D1", "D2", "D3", "D5")
NOT_THERE: Mapping[str, Any] = {"StackResourceSummaries": []}


def probe(id_: str, clock: AClock, world: DeepWorld | None = None) -> Probe:
    stranger = RecordedAws((world or DeepWorld()).answers)
    probes = make_deep(clock.patience, clock.warn, patient=True, stranger=stranger)
    return {one.id: one for one in probes}[id_]


def ask(id_: str, world: DeepWorld, *, stage: str = "dev") -> Examined:
    clock = AClock()
    aws = RecordedAws(world.answers)
    examined = ask_probe(probe(id_, clock, world), make_subject(aws, stage=stage, outputs=OUTPUTS))
    assert clock.now < 3600
    return examined


def texts(examined: Examined) -> str:
    return "\n".join(f"{finding.text} → {finding.remedy}" for finding in examined.findings)


def test_a_patient_person_and_a_stranger_are_asked_for_beforehand() -> None:
    clock = AClock()
    assert [one.id for one in make_deep(clock.patience, clock.warn)] == ["D1", "D2"]


@pytest.mark.parametrize(
    ("id_", "wrong", "verdict", "says"),
    [
        ("D1", {}, Verdict.OK, "dead letter after 3 tries (RetriesExhausted, KeyError)"),
        ("D1", {"loses_calls": True}, Verdict.WRONG, "is no dead letter 6 minutes later"),
        ("D1", {"keeps_letters": True}, Verdict.WRONG, "orders doctor --clean"),
        ("D2", {}, Verdict.OK, "with NO_PERMISSIONS"),
        ("D2", {"loses_events": True}, Verdict.WRONG, "was lost"),
        ("D2", {"error_code": "THROTTLING"}, Verdict.CANNOT_SAY, "THROTTLING"),
        ("D2", {"ignores_policy": True}, Verdict.CANNOT_SAY, "without its permission"),
        ("D2", {"ends_at_once": True}, Verdict.CANNOT_SAY, "before it could be stopped"),
        ("D2", {"never_releases": True}, Verdict.WRONG, "its order is open"),
        ("D2", {"never_resumes": True}, Verdict.WRONG, "is not REJECTED"),
        ("D2", {"keeps_letters": True}, Verdict.WRONG, "orders doctor --clean"),
        ("D2", {"is_permitted": False}, Verdict.WRONG, "may not call"),
        ("D2", {"has_no_policy": True}, Verdict.WRONG, "may not call"),
        ("D3", {"has_no_redrive": True}, Verdict.WRONG, "has no dead letter queue"),
        ("D3", {}, Verdict.OK, "after 12 deliveries"),
        ("D3", {"loses_events": True}, Verdict.WRONG, "is no dead letter 27 minutes later"),
        ("D5", {"publishes": Refusal("AuthorizationError", status=403)}, Verdict.OK, "role/stranger may not publish"),
        ("D5", {"publishes": Refusal("KMSAccessDenied")}, Verdict.WRONG, "only its key refuses"),
        ("D5", {}, Verdict.WRONG, "role/stranger may publish"),
        ("D5", {"loses_events": True}, Verdict.WRONG, "orders dlq list"),
        ("D5", {"publishes": THROTTLED}, Verdict.CANNOT_SAY, "throttles Publish"),
    ],
)
def test_each_answer_has_its_verdict(id_: str, wrong: Mapping[str, Any], verdict: Verdict, says: str) -> None:
    world = DeepWorld(**wrong)
    examined = ask(id_, world)
    assert says in texts(examined)
    assert examined.verdict is verdict
    assert world.is_permitted is wrong.get("is_permitted", True)
    if not world.keeps_letters:
        assert not any(world.letters.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}},
        {"Effect": "Deny"},
        {"Condition": {}},
        {"Condition": {"ArnLike": CONDITION, "StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {"Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:events:eu-west-1:123456789012:rule/another"}}},
    ],
)
def test_a_statement_that_is_not_the_rules_is_left_alone(wrong: Mapping[str, Any]) -> None:
    world = DeepWorld(statement={**STATEMENT, **wrong})
    assert ask("D2", world).verdict is Verdict.WRONG
    assert world.is_permitted
    assert world.rows == {}


def test_a_statement_is_restored_with_its_account() -> None:
    condition = {"ArnLike": CONDITION, "StringEquals": {"AWS:SourceAccount": ACCOUNT}}
    world = DeepWorld(statement={**STATEMENT, "Condition": condition})
    assert ask("D2", world).verdict is Verdict.OK
    assert world.is_permitted


@pytest.mark.parametrize("id_", ["D1", "D2"])
def test_a_stack_without_what_is_broken_is_not_touched(id_: str) -> None:
    clock = AClock()
    aws = RecordedAws({"cloudformation.ListStackResources": NOT_THERE})
    examined = ask_probe(probe(id_, clock), make_subject(aws, outputs=OUTPUTS))
    assert examined.verdict is Verdict.CANNOT_SAY
    assert set(aws.calls) == {"cloudformation.ListStackResources"}


@pytest.mark.parametrize("id_", ["D2", "D5"])
def test_the_local_aws_is_not_asked_for_what_it_lacks(id_: str) -> None:
    world = DeepWorld()
    assert ask(id_, world, stage="local").verdict is Verdict.NOT_LOCAL
    assert world == DeepWorld(statement=world.statement)


def remains(world: DeepWorld) -> set[str]:
    """Say what a probe has left behind, by a word of the command that clears it away."""
    letters = {"--clean"} if any(world.letters.values()) else set()
    return letters if world.is_permitted else {"add-permission", *letters}


@pytest.mark.parametrize("id_", ["D1", "D2", "D3"])
def test_whatever_call_fails_nothing_stays_broken_unless_its_repair_is_named(id_: str) -> None:
    trial = Trial(OUTPUTS)
    trial.run(probe(id_, AClock()), DeepWorld().answers)
    healthy = [*trial.calls]
    for fault in faults_of(healthy):
        world, clock = DeepWorld(), AClock()
        examined = trial.run(probe(id_, clock), world.answers, fault)
        where = f"{healthy[fault.number]}: {fault}"
        assert (examined is None) is fault.stopped, where
        for word in remains(world):
            assert any(word in line for line in clock.said), where
            assert examined is None or word in texts(examined), where


def test_the_command_that_repairs_is_shown_before_anything_is_broken() -> None:
    world, clock = DeepWorld(), AClock()
    answers = {**world.answers, "lambda.RemovePermission": DENIED}
    ask_probe(probe("D2", clock), make_subject(RecordedAws(answers), outputs=OUTPUTS))
    (shown,) = [line for line in clock.said if "add-permission" in line]
    assert "`aws --region eu-west-1 lambda add-permission --cli-input-json '{" in shown
    assert world.is_permitted


@pytest.mark.parametrize("id_", DEEP)
def test_a_probes_actions_are_those_of_its_calls(id_: str) -> None:
    world, clock = DeepWorld(), AClock()
    one, aws = probe(id_, clock, world), RecordedAws(world.answers)
    ask_probe(one, make_subject(aws, outputs=OUTPUTS))
    assert set(one.actions) == actions_of(aws.calls) | (
        {"sns:Publish", "sts:GetCallerIdentity"} if id_ == "D5" else set()
    )


def test_other_dead_letters_stay() -> None:
    world = DeepWorld()
    world.add_letter(RELEASE_DLQ, '{"detail": {}}')
    ask("D1", world)
    assert [letter["Body"] for letter in world.letters[RELEASE_DLQ]] == ['{"detail": {}}']


def test_a_dead_letter_that_only_mentions_a_probes_order_stays() -> None:
    order = make_order("doctor-20261125T175903Z", "call")
    adas = json.dumps({"detail": {"input": replace(order, customer_email="ada@example.com").to_input(1)}})
    world = DeepWorld()
    world.add_letter(RELEASE_DLQ, adas)
    world.add_letter(RELEASE_DLQ, json.dumps({"detail": {"input": order.to_input(1)}}))
    subject = make_subject(RecordedAws(world.answers), outputs=OUTPUTS)
    drop_afterwards(subject, RELEASES, order.order_id, print).put_right()
    assert [letter["Body"] for letter in world.letters[RELEASE_DLQ]] == [adas]


@pytest.mark.parametrize(
    ("id_", "wrong"),
    [("D1", {}), ("D2", {}), ("D2", {"never_releases": True}), ("D3", {}), ("D5", {})],
)
def test_what_a_probe_leaves_is_known_again_by_its_name(id_: str, wrong: Mapping[str, Any]) -> None:
    world = DeepWorld(keeps_letters=True, **wrong)
    ask(id_, world)
    bodies = [(queue, letter) for queue, letters in world.letters.items() for letter in letters]
    assert bodies
    for url, letter in bodies:
        found = DeadLetter.from_message(QUEUES[url], letter)
        assert is_own_message(found)


def test_the_mail_event_of_d3_cannot_be_read() -> None:
    world = DeepWorld(keeps_letters=True)
    ask("D3", world)
    with pytest.raises(ValueError, match="no event of SES"):
        MailEvent.parse(world.letters[MAIL_DLQ][0]["Body"])


def test_the_order_of_a_stopped_execution_is_known_again_by_its_name() -> None:
    world = DeepWorld()
    ask("D2", world)
    for content in world.inputs.values():
        order = Order.from_input(json.loads(content))
        assert is_own_order(OrderRow(order.order_id, lines=order.lines, customer_email=order.customer_email))


def test_the_alarms_that_may_fire_are_announced() -> None:
    assert announce_alarms(["D1", "D2"]) == (
        "these alarms may fire, and clear within some minutes: FunctionsFailing, OrdersNotFlowing, ReleaseDlqNotEmpty"
    )
    assert announce_alarms(["D5", "A1"]) is None
    assert set(ALARMS) >= {"D1", "D2", "D3", "R1", "R1c"}


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("lambda.Invoke", "lambda:InvokeFunction"),
        ("sqs.ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility"),
        ("sqs.ReceiveMessage", "sqs:ReceiveMessage"),
    ],
)
def test_the_permission_that_lacks_is_named_as_iam_does(operation: str, action: str) -> None:
    world, clock = DeepWorld(), AClock()
    aws = RecordedAws({**world.answers, operation: DENIED})
    examined = ask_probe(probe("D1", clock), make_subject(aws, outputs=OUTPUTS))
    assert f"allow {action} to whoever runs this" in texts(examined)
