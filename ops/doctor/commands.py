"""`orders doctor`: asks AWS whether a stage is as it should be."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from ops.contract import rules
from ops.doctor.catalogue import BEFORE, LOOKS
from ops.doctor.commit import read_commit
from ops.doctor.examination import Examined, examine_stack
from ops.doctor.probe import Probe, Verdict
from ops.doctor.subject import Subject
from ops.doctor.view import show_examined, show_group, show_sum
from ops.errors import BadInput
from ops.stack import Stack
from ops.terminal import screen
from ops.terminal.options import Choice, JsonOption, with_choice
from ops.terminal.working import show_working

BeforeOption = Annotated[
    str | None,
    typer.Option("--before", metavar="STAGE", help="Before the first deploy of a stage: it needs no stack."),
]
SenderOption = Annotated[
    str | None,
    typer.Option("--sender", metavar="ADDRESS", help="With --before: the sender_email that you will deploy."),
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


@with_choice
def doctor(
    choice: Choice,
    probes: ProbesArgument = None,
    before: BeforeOption = None,
    sender: SenderOption = None,
    json: JsonOption = False,
) -> None:
    """Ask AWS whether a stage is as it should be; it looks, and changes nothing.

    A line a probe: ok; wrong, and what to do; or cannot say, and the permission that lacks. Exit code 1 if something is
    wrong, 3 if nothing is but something could not be found out.
    """
    subject = Subject(_find_stack(choice, before, sender))
    asked = _choose_probes(LOOKS if before is None else BEFORE, probes or [])
    examined = _examine(asked, subject, json)
    verdict = min((one.verdict for one in examined), key=tuple(Verdict).index)
    if json:
        screen.show_json(_make_answer(subject, examined, verdict))
    else:
        show_sum(examined)
    if code := _CODES[verdict]:
        raise typer.Exit(code)


def _find_stack(choice: Choice, before: str | None, sender: str | None) -> Stack:
    """Find the deployed stack, or name one that need not be, with as much of its outputs as is known."""
    if sender is None:
        return choice.connect() if before is None else choice.name_stage("--before", before)
    if before is None:
        raise BadInput("--sender: goes with --before; a deployed stack names its sender")
    rules.email("--sender", sender)
    return replace(choice.name_stage("--before", before), outputs={"SenderEmail": sender})


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
