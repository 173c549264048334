"""Shared by all commands: the options that name the stack, and the handling of failures."""

import inspect
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

from ops.errors import BadInput, Refused, StackError
from ops.shell import stack_options_carried
from ops.stack import LOCAL_STAGE, STAGES, Stack, connect_local, connect_stack, explain_errors, name_stack
from ops.terminal import screen

_PANEL: Final = "Which stack"
_NEGATIVE: Final = re.compile(r"^-(?=[0-9]+$)")
_CODES: Final[dict[type[Exception], int]] = {Refused: 1, BadInput: 2, StackError: 3}

StageOption = Annotated[
    list[str] | None,
    typer.Option(
        "--stage", metavar="|".join(STAGES), help="The stack's stage; else ORDERS_STAGE.", rich_help_panel=_PANEL
    ),
]
LocalOption = Annotated[
    bool, typer.Option("--local", help="The local AWS that `make up` started.", rich_help_panel=_PANEL)
]
ProfileOption = Annotated[
    list[str] | None,
    typer.Option("--profile", metavar="NAME", help="The AWS profile; else AWS_PROFILE.", rich_help_panel=_PANEL),
]
RegionOption = Annotated[
    list[str] | None,
    typer.Option("--region", metavar="NAME", help="The AWS region; else the profile's.", rich_help_panel=_PANEL),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@dataclass(frozen=True)
class Choice:
    """Everything that the options say of the stack, wherever they stand; none of them goes before another.

    Raises:
        BadInput: there can be no such stack, or two are named.
    """

    stages: tuple[str, ...] = ()
    local: bool = False
    profiles: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for stage in self.stages:
            _check_stage("--stage", stage)
        stacks = {f"--stage {stage}": stage for stage in self.stages} | ({"--local": LOCAL_STAGE} if self.local else {})
        profiles = {f"--profile {profile}": profile for profile in self.profiles}
        regions = {f"--region {region}": region for region in self.regions}
        for named in (stacks, profiles, regions):
            if len(set(named.values())) > 1:
                raise BadInput(f"{' and '.join(named)}: they differ; name one")
        if not all((*self.profiles, *self.regions)):
            raise BadInput("--profile, --region: must not be empty")
        if self.local and (self.profiles or self.regions):
            raise BadInput("--local: the local AWS has neither profiles nor regions")

    def joined(self, other: "Choice") -> "Choice":
        """Join the options given in two places of a command line."""
        return Choice(
            self.stages + other.stages,
            self.local or other.local,
            self.profiles + other.profiles,
            self.regions + other.regions,
        )

    @property
    def options(self) -> tuple[str, ...]:
        """The options that were typed, once each, as a command line takes them."""
        named = {"--stage": self.stages[:1], "--profile": self.profiles[:1], "--region": self.regions[:1]}
        typed = tuple(word for option, values in named.items() for value in values for word in (option, value))
        return ("--local",) if self.local else typed

    def connect(self) -> Stack:
        """Find the stack; only where no option names it does the environment."""
        if self.local:
            return connect_local()
        stage = self.stages[0] if self.stages else _stage_of_environment()
        return connect_stack(stage, profile=next(iter(self.profiles), None), region=next(iter(self.regions), None))

    def name_stage(self, option: str, stage: str) -> Stack:
        """Give the stack of a stage that need not be deployed, which another option names; it has no outputs."""
        if self.local or {*self.stages} - {stage}:
            raise BadInput(f"{option}: names the stage; leave out --stage and --local")
        if stage == LOCAL_STAGE:
            raise BadInput(f"{option}: the local AWS is always ready; name a stage on AWS")
        _check_stage(option, stage)
        return name_stack(stage, profile=next(iter(self.profiles), None), region=next(iter(self.regions), None))


def _stage_of_environment() -> str:
    stage = os.environ.get("ORDERS_STAGE")
    if not stage:
        raise BadInput("--stage: name the stack, as in --stage dev, or take the local AWS with --local")
    _check_stage("ORDERS_STAGE", stage)
    return stage


def _check_stage(source: str, stage: str) -> None:
    if stage not in STAGES:
        raise BadInput(f"{source}: must be one of {', '.join(STAGES)}, not {stage!r}")


def choose_stack(
    context: typer.Context,
    stage: StageOption = None,
    local: LocalOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
) -> None:
    """Add the options of one place to those before it; the context hands them on to what comes after it."""
    given = Choice(tuple(stage or ()), local, tuple(profile or ()), tuple(region or ()))
    context.obj = (context.obj or Choice()).joined(given)


class NegativeNumbers(TyperCommand):
    """A command in which `-3` is a number; an option that it has not is refused, as everywhere."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Hide the numbers from what looks for options."""
        left = super().parse_args(ctx, [_NEGATIVE.sub("\0-", word) for word in args])
        ctx.params = {
            name: value.removeprefix("\0") if isinstance(value, str) else value for name, value in ctx.params.items()
        }
        return left


def with_stack(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function whose first parameter is the `Stack`: it gets the options that name one.

    Errors of `ops.errors` and error answers of AWS become a line and an exit code.
    """

    def connect_first(choice: Choice, /, **given: Any) -> None:
        command(choice.connect(), **given)

    return _with_options(command, connect_first)


def with_choice(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command likewise of a function whose first parameter is the `Choice`, and that connects on its own."""
    return _with_options(command, command)


def _with_options(command: Callable[..., None], chosen: Callable[..., None]) -> Callable[..., None]:
    options = inspect.signature(choose_stack).parameters
    _, *own = inspect.signature(command).parameters.values()

    def run(*, context: typer.Context, **given: Any) -> None:
        with report_errors():
            choose_stack(context, **{name: given.pop(name) for name in options if name in given})
            with stack_options_carried(context.obj.options):
                chosen(context.obj, **given)

    return _as_typer_reads_it(run, command, [*own, *options.values()])


def without_stack(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function that needs no stack."""

    def run(**given: Any) -> None:
        with report_errors():
            command(**given)

    return _as_typer_reads_it(run, command, [*inspect.signature(command).parameters.values()])


def _as_typer_reads_it(
    run: Callable[..., None], command: Callable[..., None], parameters: list[inspect.Parameter]
) -> Callable[..., None]:
    """Give `run` the command's description and these parameters, all by name."""
    by_name = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    run.__name__, run.__doc__ = command.__name__, _unwrap_paragraphs(command)
    run.__dict__["__signature__"] = inspect.Signature(by_name)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _unwrap_paragraphs(command: Callable[..., None]) -> str:
    """Give a docstring with each paragraph on one line: Typer would keep the line breaks of all but the first."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in (inspect.getdoc(command) or "").split("\n\n"))


@contextmanager
def report_errors() -> Iterator[None]:
    """End with a line on standard error and an exit code: 1 refused, 2 bad input, 3 AWS could not be asked."""
    try:
        with explain_errors():
            yield
    except tuple(_CODES) as error:
        screen.print_complaint(str(error))
        raise typer.Exit(_CODES[type(error)]) from error


def ask_person(question: str, *, yes: bool) -> None:
    """Go on if the person, or `--yes`, says so.

    Raises:
        Refused: they do not.
        BadInput: there is nobody to ask.
    """
    if yes:
        return
    if not screen.is_interactive():
        raise BadInput(f"--yes: needed where nobody can be asked: {question}")
    if not screen.confirm_question(question):
        raise Refused("nothing was changed")
