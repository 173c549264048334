"""The `orders` command line: every command under its name."""

from importlib.metadata import version
from typing import Annotated

import typer

from ops.books import commands as check
from ops.cost import commands as cost
from ops.dead_letters import commands as dead_letters
from ops.doctor.commands import doctor
from ops.environment.env_command import env
from ops.mail import commands as email
from ops.orders.cancel_command import cancel
from ops.orders.list_command import list_
from ops.orders.logs_command import logs
from ops.orders.place_command import place
from ops.orders.retry_command import retry_
from ops.orders.show_command import show
from ops.orders.stuck_command import stuck_
from ops.orders.watch_command import watch
from ops.stock import commands as stock
from ops.terminal import screen
from ops.terminal.edge import run_to_the_end
from ops.terminal.options import (
    LocalOption,
    ProfileOption,
    RegionOption,
    StageOption,
    choose_stack,
    without_stack,
)

HELP = (
    "See what happened to an order, fix what is broken, and trust the answer.\n\n"
    "On AWS by the ordinary credentials and [bold]--stage[/] (or ORDERS_STAGE);"
    " on this machine with [bold]--local[/], after `make up`.\n\n"
    "Exit codes: 0 done, or all is well; 1 the answer is no, or not complete (not found, refused, something is wrong);"
    " 2 bad input; 3 AWS could not be asked;"
    " 74 the answer could not be written, 130 stopped, 141 nobody reads the answer."
)


def say_version(asked: bool) -> None:
    """Print the version and end, if that is asked."""
    if asked:
        screen.print_line(" ".join((app.info.name or "", version("order-processing"))))
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=say_version, is_eager=True, help="Print the version and exit.")
]


def begin(
    context: typer.Context,
    stage: StageOption = None,
    local: LocalOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    _version: VersionOption = False,
) -> None:
    """Read the options before the command."""
    choose_stack(context, stage, local, profile, region)


app = typer.Typer(
    name="orders",
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, command in {
    "place": place,
    "show": show,
    "logs": logs,
    "list": list_,
    "watch": watch,
    "retry": retry_,
    "cancel": cancel,
    "stuck": stuck_,
}.items():
    app.command(name)(command)
app.callback()(without_stack(begin))
for name, group in {"stock": stock.app, "dlq": dead_letters.app, "email": email.app}.items():
    group.callback()(without_stack(choose_stack))
    app.add_typer(group, name=name)
app.command("check")(check.check)
app.command("cost")(cost.cost)
app.command("doctor")(doctor)
app.command("env")(env)


def main() -> None:
    """Run the command line."""
    run_to_the_end(app)
