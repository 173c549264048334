"""`orders doctor`: asks AWS whether a stage is as it should be."""

from typing import Annotated, Final

import typer

from ops.doctor.wanted import Wanted
from ops.terminal.options import Choice, JsonOption, YesOption, with_choice

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
    # Only now: no other command needs these fifty modules.
    from ops.doctor.consultation import consult_doctor  # noqa: PLC0415

    wanted = Wanted(
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
        yes=yes,
        json=json,
    )
    consult_doctor(choice, wanted)
