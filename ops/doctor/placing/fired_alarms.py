"""The probe of what an alarm does when it fires: two are set to ALARM for a moment, and their history is read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from ops.doctor.errors import NotBegun
from ops.doctor.placing.placed_run import GROUP, ON_STOCK, Run, read_deployment
from ops.doctor.probe import Finding, Probe
from ops.doctor.subject import Subject
from ops.shell import quote_command

# The alarms that are set, and the one that fires with the second of them. TablesThrottled takes no deployment back.
_SET: Final = ("TablesThrottled", "OldestOrderWaits")
_FOLLOWS: Final = "OrdersNotFlowing"
_FIRES_WITHIN: Final = 120.0  # seconds
_DONE: Final = "Successfully executed action"


@dataclass
class AlarmTrial:
    """The alarms as they were before: since when each has acted newly, its history says by AWS's own clock."""

    run: Run
    names: dict[str, str] = field(default_factory=dict)
    before: dict[str, datetime | None] = field(default_factory=dict)
    set_at: float = 0.0

    def set_alarms(self, subject: Subject) -> None:
        """Set them to ALARM; CloudWatch sets them back at their next evaluation.

        Raises:
            NotBegun: a deployment is under way, which such an alarm would take back; or one fires already.
        """
        cloudwatch = subject.stack.client("cloudwatch")
        if status := read_deployment(subject):
            raise NotBegun(f"not tried: the stack is {status}, and OldestOrderWaits would take that back")
        self.names = _find_names(subject)
        _refuse_firing(subject, self.names)
        self.before = {alarm: _newest_action(subject, name)[0] for alarm, name in self.names.items()}
        for alarm in _SET:
            cloudwatch.set_alarm_state(
                AlarmName=self.names[alarm],
                StateValue="ALARM",
                StateReason=f"orders doctor --probe ({self.run.id}) tries whom this alarm notifies",
            )
        self.set_at = self.run.clock()

    def examine_actions(self, subject: Subject) -> Iterator[Finding]:
        """Wait until each has acted, and say how that went."""
        for alarm, name in self.names.items():
            newest = self.run.wait_until(
                partial(_newest_action, subject, name),
                partial(self._is_new, alarm),
                until=self.set_at + _FIRES_WITHIN,
            )
            yield _judge_action(alarm, newest[1] if self._is_new(alarm, newest) else None)

    def _is_new(self, alarm: str, action: tuple[datetime | None, str]) -> bool:
        return action[0] != self.before[alarm]


def _judge_action(alarm: str, said: str | None) -> Finding:
    if said is None:
        return Finding.wrong(
            f"{alarm} did nothing within {_FIRES_WITHIN:.0f} s of being set to ALARM",
            f"run {quote_command('orders doctor A9')}: whether its actions are on",
        )
    if said.startswith(_DONE):
        return Finding.ok(f"{alarm} fired: {said}")
    remedy = f"run {quote_command('orders doctor A6')}: whether CloudWatch may use the key"
    return Finding.wrong(f"{alarm} fired: {said}", remedy)


def _find_names(subject: Subject) -> dict[str, str]:
    plain = {one: subject.find_resource("AWS::CloudWatch::Alarm", f"Monitoring{one}").physical_id for one in _SET}
    return plain | {_FOLLOWS: subject.find_resource("AWS::CloudWatch::CompositeAlarm").physical_id}


def _refuse_firing(subject: Subject, names: dict[str, str]) -> None:
    """An alarm that is in ALARM already does nothing when it is set to that."""
    found = subject.stack.client("cloudwatch").describe_alarms(
        AlarmNames=[*names.values()], AlarmTypes=["MetricAlarm", "CompositeAlarm"], StateValue="ALARM"
    )
    firing = [one["AlarmName"] for one in (*found.get("MetricAlarms", ()), *found.get("CompositeAlarms", ()))]
    if firing:
        raise NotBegun(f"not tried: {', '.join(firing)} is in ALARM already")


def _newest_action(subject: Subject, name: str) -> tuple[datetime | None, str]:
    """Give when an alarm acted last and how that went; nothing if it never has."""
    found = subject.stack.client("cloudwatch").describe_alarm_history(
        AlarmName=name,
        AlarmTypes=["MetricAlarm", "CompositeAlarm"],
        HistoryItemType="Action",
        ScanBy="TimestampDescending",
        MaxRecords=1,
    )["AlarmHistoryItems"]
    return (found[0]["Timestamp"], found[0]["HistorySummary"]) if found else (None, "")


def make_probes(run: Run) -> tuple[Probe, ...]:
    """Give it, for one run."""
    trial = AlarmTrial(run)
    return (
        Probe(
            id="B2",
            group=GROUP,
            asks="an alarm that fires notifies the topic, and so does the alarm over several",
            begin=trial.set_alarms,
            ask=trial.examine_actions,
            actions=(
                "cloudformation:DescribeStacks",
                "cloudformation:ListStackResources",
                "cloudwatch:DescribeAlarms",
                "cloudwatch:DescribeAlarmHistory",
                "cloudwatch:SetAlarmState",
            ),
            page="runbooks/README.md",
            not_local="the local CloudWatch has none of these alarms, and executes no action",
            rests_on=ON_STOCK,
        ),
    )
