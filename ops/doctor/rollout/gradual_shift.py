"""Probes of the gradual rollout: a deploy that a person starts beside them is taken back, by an alarm or by hand.

For prod, or a throw-away dev with `-c shift=true`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, Protocol

from ops.doctor.aliases import Alias, FunctionAlias, Routing, WorkflowAlias, write_routing
from ops.doctor.errors import Absent
from ops.doctor.patience import Patience
from ops.doctor.probe import Finding, Probe
from ops.doctor.repair import Repair, Warn, look_while_broken
from ops.doctor.rollout import codedeploy_rollback, deploy_beside
from ops.doctor.rollout.codedeploy_rollback import judge_deployment
from ops.doctor.rollout.deploy_beside import read_state, wait_for_begin, wait_for_end, wait_for_shifts, write_deploy
from ops.doctor.rollout.rollback_by_hand import RollbackByHand
from ops.doctor.subject import Subject
from ops.shell import quote_command

GROUP: Final = "The gradual rollout"
_RETURNS: Final = 300.0  # seconds; Step Functions and CodeDeploy look at the alarms about every minute
_EVERY: Final = 10.0
_NOT_LOCAL: Final = "the local AWS has no versions, and deploys all at once"
_AGAIN: Final = "; now deploy the same commit again with another `-c release=…`, which has to go through (R1b)"


@dataclass(frozen=True)
class TakenBack:
    """A deploy that shifts an alias, and is taken back meanwhile."""

    patience: Patience
    warn: Warn

    def watch(
        self, subject: Subject, alias: Alias, take_back: Callable[[Routing], Iterator[Finding]]
    ) -> Iterator[Finding]:
        """Wait for the deploy and its shift, have it taken back, and wait for its end; `alias` is where to look."""
        before, status = alias.read_routing(), read_state(subject)
        if len(before) > 1 or status.is_running:
            yield Finding.unclear(
                f"a deploy is under way ({status.status}, {write_routing(before)})", "run it again when it has ended"
            )
            return
        self.warn(f"start a deploy now, in another terminal: {write_deploy(subject)}")
        if not wait_for_begin(subject, self.patience):
            yield Finding.unclear("nobody has started a deploy", "run it again, and start one beside it")
            return
        (shifted,) = wait_for_shifts(subject, self.patience, [alias])
        if shifted is None:
            yield Finding.unclear(
                f"no shift of {alias.name} was seen: nothing of it had changed, or the stage shifts at once",
                f"run it again, and deploy with {write_deploy(subject)}",
            )
            return
        yield Finding.ok(f"the deploy shifts {alias.name}: {write_routing(shifted)}")
        yield from take_back(before)
        yield self._judge_end(subject)

    def look_for_return(self, alias: Alias, before: Routing, *, each_time: Callable[[], object]) -> Finding:
        """Wait until the alias is where it was before the deploy."""
        began = self.patience.clock()

        def look() -> Routing | None:
            each_time()
            routing = alias.read_routing()
            return routing if len(routing) == 1 else None

        seen = self.patience.wait_for(f"{alias.name} to be back", look, seconds=_RETURNS, every=_EVERY)
        took = self.patience.clock() - began
        if seen == before:
            return Finding.ok(f"{alias.name} was back at {write_routing(before)} after {took:.0f} s")
        where = alias.read_routing() if seen is None else seen
        commands = " or ".join(map(alias.write_move, before))
        return Finding.wrong(
            f"{alias.name} is not back after {took:.0f} s: {write_routing(where)}", f"take it back by hand: {commands}"
        )

    def _judge_end(self, subject: Subject) -> Finding:
        status = wait_for_end(subject, self.patience)
        if status == "UPDATE_ROLLBACK_COMPLETE":
            return Finding.ok(f"the stack is {status}{_AGAIN}")
        if status is None:
            return Finding.unclear("the rollback has not ended yet", "run `orders doctor A1` later")
        events = f"aws --region {subject.stack.region} cloudformation describe-stack-events --stack-name"
        return Finding.wrong(
            f"the deploy ended with {status} instead of being taken back",
            f"find out why: {quote_command(events, subject.stack.name)}",
        )


@dataclass(frozen=True)
class TakenBackByAlarm(TakenBack):
    """R1 and R1c: an alarm fires during the shift."""

    of: Literal["the workflow", "ReleaseAbandoned"]
    alarm: str

    def ask(self, subject: Subject) -> Iterator[Finding]:
        """Fire the alarm until the alias is back, and give it the state it had."""
        client = subject.stack.client("cloudwatch")
        name = subject.find_resource("AWS::CloudWatch::Alarm", f"Monitoring{self.alarm}").physical_id
        alarms = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        if not alarms:
            raise Absent(f"there is no alarm {name}, which the stack has made")
        (found,) = alarms
        if found["StateValue"] == "ALARM":
            yield Finding.unclear(
                f"{self.alarm} is firing: any deploy is taken back", f"see runbooks/{self.alarm}.md first"
            )
            return
        alias = _find_alias(subject, self.of)

        def set_state(state: Literal["ALARM", "OK", "INSUFFICIENT_DATA"]) -> bool:
            client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="orders doctor --rollout tries it")
            return True

        def look(before: Routing) -> Iterator[Finding]:
            # Each time: at its next evaluation CloudWatch gives the alarm the state that its metric has.
            yield self.look_for_return(alias, before, each_time=partial(set_state, "ALARM"))
            if isinstance(alias, FunctionAlias):
                yield judge_deployment(subject, self.patience, alias.name)

        repair = Repair(
            f"{self.alarm} is firing for nothing, until CloudWatch looks at its metric again",
            partial(set_state, found["StateValue"]),
            quote_command(
                f"aws --region {subject.stack.region} cloudwatch set-alarm-state --state-value OK --state-reason tried"
                " --alarm-name",
                name,
            ),
            self.warn,
        )
        yield from self.watch(subject, alias, lambda before: look_while_broken(partial(look, before), repair))


@dataclass(frozen=True)
class CancelledDeploy(TakenBack):
    """R3: the deploy is cancelled during the shift."""

    def ask(self, subject: Subject) -> Iterator[Finding]:
        """Cancel it, and look for the alias's return."""
        alias = WorkflowAlias(subject)

        def take_back(before: Routing) -> Iterator[Finding]:
            subject.stack.client("cloudformation").cancel_update_stack(StackName=subject.stack.name)
            yield self.look_for_return(alias, before, each_time=lambda: None)

        yield from self.watch(subject, alias, take_back)


def _find_alias(subject: Subject, of: str) -> WorkflowAlias | FunctionAlias:
    return WorkflowAlias(subject) if of == "the workflow" else FunctionAlias(subject, f"Workflow{of}", of)


_OF_ALIAS: Final = (*deploy_beside.ACTIONS, "cloudformation:ListStackResources", "states:DescribeStateMachineAlias")
_OF_ALARM: Final = ("cloudwatch:DescribeAlarms", "cloudwatch:SetAlarmState")
_OF_FUNCTION: Final = ("cloudformation:ListStackResources", "lambda:GetAlias")


def make_rollout(patience: Patience, warn: Warn) -> tuple[Probe, ...]:
    """Give the probes, each of which wants a deploy of its own.

    Args:
        patience: How to wait.
        warn: Writes a line that stays on the screen: when to start the deploy, or the command that repairs.
    """
    return (
        _make_probe(
            "R1",
            "an alarm takes back a deploy that shifts the workflow",
            TakenBackByAlarm(patience, warn, "the workflow", "StepsFailing"),
            (*_OF_ALIAS, *_OF_ALARM),
        ),
        _make_probe(
            "R1c",
            "an alarm takes back a deploy that shifts a function",
            TakenBackByAlarm(patience, warn, "ReleaseAbandoned", "FunctionsFailing"),
            (*deploy_beside.ACTIONS, *_OF_FUNCTION, *_OF_ALARM, *codedeploy_rollback.ACTIONS),
        ),
        _make_probe(
            "R2",
            "from which version a deploy shifts after a rollback by hand",
            RollbackByHand(patience, warn),
            (
                *_OF_ALIAS,
                "lambda:GetAlias",
                "lambda:ListVersionsByFunction",
                "lambda:UpdateAlias",
                "states:ListStateMachineVersions",
                "states:UpdateStateMachineAlias",
            ),
        ),
        _make_probe(
            "R3",
            "a deploy that is cancelled during the shift is taken back",
            CancelledDeploy(patience, warn),
            (*_OF_ALIAS, "cloudformation:CancelUpdateStack"),
        ),
    )


class _Asking(Protocol):
    def ask(self, subject: Subject) -> Iterator[Finding]: ...


def _make_probe(id_: str, asks: str, question: _Asking, actions: tuple[str, ...]) -> Probe:
    return Probe(
        id=id_,
        group=GROUP,
        asks=asks,
        ask=question.ask,
        actions=actions,
        page="deploying.md#how-a-new-version-is-rolled-out",
        not_local=_NOT_LOCAL,
    )
