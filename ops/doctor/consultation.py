"""Asks the probes that are wanted, shows what came of them, and ends with the verdict's exit code."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import boto3
import typer

from ops.doctor.catalogue import BEFORE, LOOKS, make_deep, make_placing, make_rollout
from ops.doctor.commit import read_commit
from ops.doctor.deep_command import announce_deep, announce_rollout
from ops.doctor.examination import Examined, examine_stack
from ops.doctor.examination_view import show_examined, show_group, show_sum
from ops.doctor.patience import Patience
from ops.doctor.permissions import make_policy
from ops.doctor.placing.clean_command import clean_up
from ops.doctor.placing.placed_run import Run
from ops.doctor.placing.probe_command import announce_run
from ops.doctor.probe import Probe, Verdict
from ops.doctor.subject import Subject
from ops.doctor.wanted import Wanted
from ops.errors import BadInput
from ops.shell import carry_options
from ops.stack import Account, Aws
from ops.terminal import screen
from ops.terminal.options import Choice
from ops.terminal.working import show_working

_CODES: Final = {Verdict.WRONG: 1, Verdict.CANNOT_SAY: 3, Verdict.OK: 0, Verdict.NOT_LOCAL: 0}


@dataclass(frozen=True)
class DoctorAnswer:
    """What came of all probes: evidence that can be kept."""

    verdict: Verdict
    """The worst of them; what the local AWS does not have counts for nothing"""
    stage: str
    """The stage that was examined"""
    account: str
    """The account's id; zeros on the local AWS"""
    region: str
    """The region"""
    commit: str | None
    """The commit of the project's folder, with -dirty where files have changed since; null outside a repository"""
    at: datetime
    """When, ISO 8601"""
    probes: list[Examined]
    """Every probe, in the order in which they were asked"""


@dataclass(frozen=True)
class _Probes:
    """The probes that are wanted, by what they may do."""

    looks: list[Probe]
    placing: list[Probe]
    deep: list[Probe]
    rollout: list[Probe]

    @property
    def all(self) -> list[Probe]:
        """Every one, in the order in which they are asked."""
        return [*self.looks, *self.placing, *self.deep, *self.rollout]

    def choose(self, ids: list[str]) -> "_Probes":
        """Give those that are named, with what they rest on; without a name all."""
        if not ids:
            return self
        if unknown := [id_ for id_ in ids if id_ not in {probe.id for probe in self.all}]:
            raise BadInput(f"PROBE: must be one of {', '.join(one.id for one in self.all)}, not {unknown[0]!r}")
        needed = {*ids, *(other for probe in self.all if probe.id in ids for other in probe.rests_on)}

        def named(probes: list[Probe]) -> list[Probe]:
            return [probe for probe in probes if probe.id in needed]

        return _Probes(named(self.looks), named(self.placing), named(self.deep), named(self.rollout))


def consult_doctor(choice: Choice, wanted: Wanted) -> None:
    """Do what is wanted; ends with `typer.Exit` unless all is well.

    Raises:
        BadInput, Refused, StackError: as the commands' errors say.
    """
    run, progress = Run(), _Progress()
    if wanted.policy:
        return screen.show_json(make_policy(_make_probes(wanted, run, progress, None).choose(wanted.ids).all))
    stack = wanted.find_stack(choice)
    if wanted.clean:
        return clean_up(stack, yes=wanted.yes)
    outsider = (
        Account(boto3.Session(profile_name=wanted.stranger, region_name=stack.region)) if wanted.stranger else None
    )
    asked = _make_probes(wanted, run, progress, outsider).choose(wanted.ids)
    examination = _Examination(Subject(stack), progress, json=wanted.json)
    if asked.deep:
        announce_deep(asked.deep, examination.subject)
    examination.examine(asked.looks)
    if asked.placing:
        with announce_run(run, examination.subject, patient=wanted.patient, yes=wanted.yes):
            examination.examine(asked.placing)
    examination.examine(asked.deep)
    if asked.rollout:
        announce_rollout(asked.rollout, examination.subject, yes=wanted.yes)
        examination.examine(asked.rollout)
    return examination.give_verdict()


def _make_probes(wanted: Wanted, run: Run, progress: "_Progress", stranger: Aws | None) -> _Probes:
    patience = Patience(tell=progress.tell)
    looks = () if wanted.rollout else LOOKS if wanted.before is None else BEFORE
    placing = make_placing(run, patient=wanted.patient) if wanted.probe else ()
    deep = make_deep(patience, _warn, patient=wanted.patient, stranger=stranger) if wanted.deep else ()
    rollout = make_rollout(patience, _warn) if wanted.rollout else ()
    return _Probes([*looks], [*placing], [*deep], [*rollout])


def _warn(text: str) -> None:
    screen.print_note(carry_options(text))


@dataclass
class _Progress:
    """Hands what is waited for to whatever shows progress at the moment."""

    show: Callable[[str], None] | None = None

    def tell(self, text: str) -> None:
        if self.show:
            self.show(text)


class _Examination:
    """Asks probes, and keeps and shows what came of them."""

    def __init__(self, subject: Subject, progress: _Progress, *, json: bool) -> None:
        self.subject = subject
        self._account = subject.account if json else ""  # by the end of a long examination a session may be over
        self._progress = progress
        self._json = json
        self._examined: list[Examined] = []

    def examine(self, probes: Collection[Probe]) -> None:
        """Ask these, showing each at once where nobody wants JSON."""
        if not probes:
            return
        with show_working(screen.err, f"examining {self.subject.stack.name}") as self._progress.show:
            for one in examine_stack(probes, self.subject, self._progress.tell):
                if not self._json:
                    self._show(one)
                self._examined.append(one)

    def _show(self, one: Examined) -> None:
        if not self._examined or self._examined[-1].group != one.group:
            show_group(one.group)
        show_examined(one)

    def give_verdict(self) -> None:
        """Print the sum, or all as JSON, and end with the exit code of the worst."""
        verdict = min((one.verdict for one in self._examined), key=tuple(Verdict).index)
        if self._json:
            screen.show_json(self._make_answer(verdict))
        else:
            show_sum(self._examined)
        if code := _CODES[verdict]:
            raise typer.Exit(code)

    def _make_answer(self, verdict: Verdict) -> DoctorAnswer:
        return DoctorAnswer(
            verdict=Verdict.OK if verdict is Verdict.NOT_LOCAL else verdict,
            stage=self.subject.stage,
            account=self._account,
            region=self.subject.stack.region,
            commit=read_commit(),
            at=datetime.now(UTC),
            probes=self._examined,
        )
