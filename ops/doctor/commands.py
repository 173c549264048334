"""`orders doctor`: asks AWS whether a stage is as it should be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from ops.doctor.catalogue import BEFORE, LOOKS, make_placing
from ops.doctor.clean_command import clean_up
from ops.doctor.commit import read_commit
from ops.doctor.examination import Examined, examine_stack
from ops.doctor.placing import Run
from ops.doctor.probe import Probe, Verdict
from ops.doctor.probe_command import announce_run
from ops.doctor.subject import Subject
from ops.doctor.view import show_examined, show_group, show_sum
from ops.errors import BadInput
from ops.terminal import screen
from ops.terminal.options import Choice, JsonOption, YesOption, with_choice
from ops.terminal.working import show_working

BeforeOption = Annotated[
    str | None,
    typer.Option("--before", metavar="STAGE", help="Before the first deploy of a stage: it needs no stack."),
]
ProbeOption = Annotated[bool, typer.Option("--probe", help="Place orders of its own too, and see how they end.")]
PatientOption = Annotated[
    bool, typer.Option("--patient", help="With --probe: ask also what takes ten minutes more (B8: the metrics).")
]
CleanOption = Annotated[bool, typer.Option("--clean", help="Remove what --probe left.")]
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


@with_choice
def doctor(
    choice: Choice,
    *,
    probes: ProbesArgument = None,
    before: BeforeOption = None,
    probe: ProbeOption = False,
    patient: PatientOption = False,
    clean: CleanOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Ask AWS whether a stage is as it should be; without --probe it looks, and changes nothing.

    A line a probe: ok; wrong, and what to do; or cannot say, and the permission that lacks. Exit code 1 if something is
    wrong, 3 if nothing is but something could not be found out.
    """
    if clean:
        _refuse_beside("--clean", {"PROBE": probes, "--before": before, "--probe": probe, "--json": json})
        return clean_up(choice.connect(), yes=yes)
    if before is not None:
        _refuse_beside("--before", {"--probe": probe})
    if patient and not probe:
        raise BadInput("--patient: only with --probe")
    subject = Subject(choice.connect() if before is None else choice.name_stage("--before", before))
    looks, run = LOOKS if before is None else BEFORE, Run()
    placing = make_placing(run, patient=patient) if probe else ()
    chosen = _choose_probes((*looks, *placing), probes or [])
    examined = _examine([one for one in chosen if one in looks], subject, json)
    if placed := [one for one in chosen if one in placing]:
        # The first puts the stock there; without it no order is confirmed.
        with announce_run(run, subject, patient=patient, yes=yes):
            examined += _examine([*dict.fromkeys((placing[0], *placed))], subject, json)
    return _give_verdict(subject, examined, json=json)


def _refuse_beside(option: str, others: Mapping[str, object]) -> None:
    """Refuse what cannot be said together with an option."""
    if given := [name for name, value in others.items() if value]:
        raise BadInput(f"{option}: leave out {', '.join(given)}")


def _give_verdict(subject: Subject, examined: list[Examined], *, json: bool) -> None:
    """Print the sum, or all as JSON, and end with the exit code of the worst."""
    verdict = min((one.verdict for one in examined), key=tuple(Verdict).index)
    if json:
        screen.show_json(_make_answer(subject, examined, verdict))
    else:
        show_sum(examined)
    if code := _CODES[verdict]:
        raise typer.Exit(code)


def _choose_probes(probes: Iterable[Probe], ids: list[str]) -> list[Probe]:
    by_id = {probe.id: probe for probe in probes}
    if unknown := [id_ for id_ in ids if id_ not in by_id]:
        raise BadInput(f"PROBE: must be one of {', '.join(by_id)}, not {unknown[0]!r}")
    return [by_id[id_] for id_ in dict.fromkeys(ids)] or [*by_id.values()]


def _examine(probes: list[Probe], subject: Subject, json: bool) -> list[Examined]:
    """Ask all, showing each at once where nobody wants JSON."""
    examined: list[Examined] = []
    with show_working(screen.err, f"examining {subject.stack.name}") as tell:
        for one in examine_stack(probes, subject, tell):
            if not json:
                if not examined or examined[-1].group != one.group:
                    show_group(one.group)
                show_examined(one)
            examined.append(one)
    return examined


def _make_answer(subject: Subject, examined: list[Examined], verdict: Verdict) -> DoctorAnswer:
    return DoctorAnswer(
        verdict=Verdict.OK if verdict is Verdict.NOT_LOCAL else verdict,
        stage=subject.stage,
        account=subject.account,
        region=subject.stack.region,
        commit=read_commit(),
        at=datetime.now(UTC),
        probes=examined,
    )
