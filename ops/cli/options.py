"""What commands have in common: the options that name the stack, and how a failure ends."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import update_wrapper, wraps
from typing import Annotated, Any, Final

import typer

from ops.cli import screen
from ops.errors import BadInput, Refused, StackError
from ops.stack import STAGES, Stack, connect, connect_local, explained

_PANEL: Final = "Which stack"
_CODES: Final[dict[type[Exception], int]] = {Refused: 1, BadInput: 2, StackError: 3}

StageOption = Annotated[
    str | None,
    typer.Option(
        "--stage", envvar="ORDERS_STAGE", metavar="|".join(STAGES), help="The stack's stage.", rich_help_panel=_PANEL
    ),
]
LocalOption = Annotated[
    bool, typer.Option("--local", help="The local AWS that `make up` started.", rich_help_panel=_PANEL)
]
ProfileOption = Annotated[
    str | None, typer.Option("--profile", help="The AWS profile; else AWS_PROFILE.", rich_help_panel=_PANEL)
]
RegionOption = Annotated[
    str | None, typer.Option("--region", help="The AWS region; else the profile's.", rich_help_panel=_PANEL)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@dataclass(frozen=True)
class Choice:
    """Which stack was named; before the command's name as well as after it."""

    stage: str | None = None
    local: bool = False
    profile: str | None = None
    region: str | None = None

    def or_else(self, other: "Choice") -> "Choice":
        """Fill in from `other` what is not named here."""
        names_stack = self.local or self.stage is not None
        return Choice(
            stage=self.stage if names_stack else other.stage,
            local=self.local if names_stack else other.local,
            profile=self.profile or other.profile,
            region=self.region or other.region,
        )

    def connect(self) -> Stack:
        """Find the stack."""
        if self.local and (self.profile or self.region):
            raise BadInput("--local: the local AWS has neither profiles nor regions")
        if self.local:
            return connect_local()
        if self.stage is None:
            raise BadInput("--stage: name the stack, as in --stage dev, or take the local AWS with --local")
        if self.stage not in STAGES:
            raise BadInput(f"--stage: must be one of {', '.join(STAGES)}, not {self.stage!r}")
        return connect(self.stage, profile=self.profile, region=self.region)


def with_stack(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function whose first parameter is the `Stack`: it gets the options that name one.

    What the function raises of `ops.errors`, and what AWS answers badly, becomes a line and an exit code.
    """

    def run(
        context: typer.Context,
        *,
        stage: StageOption = None,
        local: LocalOption = False,
        profile: ProfileOption = None,
        region: RegionOption = None,
        **chosen: Any,
    ) -> None:
        with reported():
            named = Choice(stage, local, profile, region).or_else(context.find_root().obj or Choice())
            command(named.connect(), **chosen)

    _, *own = inspect.signature(command).parameters.values()
    context_first, *options, _ = inspect.signature(run).parameters.values()
    keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    parameters = [context_first, *keyword, *options]
    update_wrapper(run, command, assigned=("__module__", "__name__", "__qualname__"))
    run.__doc__ = _unwrapped(command)
    # Typer reads both, and they have to be of what it calls.
    run.__dict__["__signature__"] = inspect.Signature(parameters)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def without_stack(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function that needs no stack."""

    @wraps(command)
    def run(*arguments: Any, **chosen: Any) -> None:
        with reported():
            command(*arguments, **chosen)

    run.__doc__ = _unwrapped(command)
    return run


def _unwrapped(command: Callable[..., None]) -> str:
    """Give a docstring with each paragraph on one line: Typer would keep the line breaks of all but the first."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in (inspect.getdoc(command) or "").split("\n\n"))


@contextmanager
def reported() -> Iterator[None]:
    """End with a line on standard error and an exit code: 1 refused, 2 bad input, 3 AWS could not be asked."""
    try:
        with explained():
            yield
    except tuple(_CODES) as error:
        screen.complain(str(error))
        raise typer.Exit(_CODES[type(error)]) from error


def ask(question: str, *, yes: bool) -> None:
    """Go on if the person, or `--yes`, says so.

    Raises:
        Refused: they do not.
        BadInput: there is nobody to ask.
    """
    if yes:
        return
    if not screen.is_interactive():
        raise BadInput(f"--yes: needed where nobody can be asked: {question}")
    if not typer.confirm(question, err=True):
        raise Refused("nothing was changed")
