"""`orders doctor`: asks AWS whether a stage is as it should be."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Final

import boto3
import typer

from ops.contract import rules
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
from ops.errors import BadInput
from ops.shell import carry_options
from ops.stack import Account, Aws, Stack
from ops.terminal import screen
from ops.terminal.options import Choice, JsonOption, YesOption, with_choice
from ops.terminal.working import show_working

_MODE: Final = "What it may do"


def _mode(name: str, told: str, metavar: str | None = None) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar=metavar, help=told, rich_help_panel=_MODE)
    return option


BeforeOption = Annotated[
    str | None, _mode("--before", "Before the first deploy of a stage: it needs no stack.", "STAGE")
]
SenderOption = Annotated[
    str | None, _mode("--sender", "With --before: the sender_email that you will deploy.", "ADDRESS")
]
ProbeOption = Annotated[bool, _mode("--probe", "Place orders of its own too, and see how they end.")]
DeepOption = Annotated[bool, _mode("--deep", "Break things on purpose too, and repair them: not in prod.")]
RolloutOption = Annotated[bool, _mode("--rollout", "Have a deploy that you start beside it rolled back.")]
CleanOption = Annotated[bool, _mode("--clean", "Remove what --probe and --deep left.")]
PolicyOption = Annotated[bool, _mode("--policy", "Print the IAM policy that this needs, and ask nothing.")]
PatientOption = Annotated[bool, _mode("--patient", "With --probe or --deep: ask also what takes long (B8; D3).")]
StrangerOption = Annotated[
    str | None, _mode("--stranger", "With --deep: a profile that may not publish orders (D5).", "PROFILE")
]
ProbesArgument = Annotated[list[str] | None, typer.Argument(metavar="[PROBE]…", help="These alone, such as A3.")]

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


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """The options, of which not all go together.

    Raises:
        BadInput: two contradict each other, or one is of no use.
    """

    ids: list[str]
    before: str | None
    sender: str | None
    probe: bool
    deep: bool
    rollout: bool
    clean: bool
    policy: bool
    patient: bool
    stranger: str | None
    json: bool

    def __post_init__(self) -> None:
        self._refuse_beside("--clean", self.clean, "PROBE", "--before", "--probe", "--deep", "--rollout", "--json")
        self._refuse_beside("--before", self.before, "--probe", "--deep", "--rollout")
        self._refuse_beside("--rollout", self.rollout, "--probe", "--deep")
        self._refuse_beside("--policy", self.policy, "--clean", "--json")
        if self.patient and not (self.probe or self.deep):
            raise BadInput("--patient: only with --probe or --deep")
        if self.stranger is not None and not self.deep:
            raise BadInput("--stranger: only with --deep")
        if self.sender is not None:
            if self.before is None:
                raise BadInput("--sender: goes with --before; a deployed stack names its sender")
            rules.email("--sender", self.sender)

    def _refuse_beside(self, option: str, given: object, *others: str) -> None:
        values = {**vars(self), "PROBE": self.ids}
        if given and (contrary := [other for other in others if values[other.removeprefix("--")]]):
            raise BadInput(f"{option}: leave out {', '.join(contrary)}")

    def find_stack(self, choice: Choice) -> Stack:
        """Find the deployed stack, or name one that need not be, with as much of its outputs as is known."""
        if self.before is None:
            return choice.connect()
        known = {"SenderEmail": self.sender} if self.sender else {}
        return replace(choice.name_stage("--before", self.before), outputs=known)


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


@with_choice
def doctor(
    choice: Choice,
    *,
    probes: ProbesArgument = None,
    before: BeforeOption = None,
    sender: SenderOption = None,
    probe: ProbeOption = False,
    deep: DeepOption = False,
    rollout: RolloutOption = False,
    clean: CleanOption = False,
    policy: PolicyOption = False,
    patient: PatientOption = False,
    stranger: StrangerOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Ask AWS whether a stage is as it should be; without a further option it looks, and changes nothing.

    A line a probe: ok; wrong, and what to do; or cannot say, and the permission that lacks. Exit code 1 if something is
    wrong, 3 if nothing is but something could not be found out.
    """
    wanted = _Wanted(
        ids=probes or [],
        before=before,
        sender=sender,
        probe=probe,
        deep=deep,
        rollout=rollout,
        clean=clean,
        policy=policy,
        patient=patient,
        stranger=stranger,
        json=json,
    )
    run, progress = Run(), _Progress()
    if policy:
        return screen.show_json(make_policy(_make_probes(wanted, run, progress, None).choose(wanted.ids).all))
    stack = wanted.find_stack(choice)
    if clean:
        return clean_up(stack, yes=yes)
    outsider = Account(boto3.Session(profile_name=stranger, region_name=stack.region)) if stranger else None
    asked = _make_probes(wanted, run, progress, outsider).choose(wanted.ids)
    examination = _Examination(Subject(stack), progress, json)
    if json:
        examination.subject.account  # noqa: B018 - asked first: by the end of a long examination a session may be over
    if asked.deep:
        announce_deep(asked.deep, examination.subject)
    examination.examine(asked.looks)
    if asked.placing:
        with announce_run(run, examination.subject, patient=patient, yes=yes):
            examination.examine(asked.placing)
    examination.examine(asked.deep)
    if asked.rollout:
        announce_rollout(asked.rollout, examination.subject, yes=yes)
        examination.examine(asked.rollout)
    return examination.give_verdict()


def _make_probes(wanted: _Wanted, run: Run, progress: "_Progress", stranger: Aws | None) -> _Probes:
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

    def __init__(self, subject: Subject, progress: _Progress, json: bool) -> None:
        self.subject = subject
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
            account=self.subject.account,
            region=self.subject.stack.region,
            commit=read_commit(),
            at=datetime.now(UTC),
            probes=self._examined,
        )
