"""`make deploy STAGE=dev`: say what the deploy would take away, ask whether to do it, and deploy.

0 is deployed, 1 that nobody agreed or that the CDK failed, 2 bad input, 3 that AWS could not be asked.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

import typer

from infra.paths import ROOT
from infra.stage_file import STAGES_WITH_FILE
from ops.errors import Refused, StackError
from ops.stack import Stack, name_stack
from ops.terminal import screen
from tools.deploy.deployed_template import read_deployed_template
from tools.deploy.fixed_properties import find_fixed_properties
from tools.deploy.losses import Loss, find_losses

ASSEMBLY: Final = ROOT / ".build" / "deploy"  # of this deploy alone: nothing of an earlier synth is compared
_CODES: Final = {Refused: 1, StackError: 3}


def main(arguments: Sequence[str] | None = None) -> int:
    """Deploy a stage, unless it would take something away and nobody agrees."""
    options = _read_arguments(arguments)
    context = [word for value in (f"stage={options.stage}", *options.context) for word in ("-c", value)]
    shutil.rmtree(ASSEMBLY, ignore_errors=True)
    if code := run_cdk("synth", "--quiet", "--output", str(ASSEMBLY), *context):
        return code
    try:
        stack = name_stack(options.stage)
        _agree_to_losses(_find_stack_losses(stack), stack.name, agreed=options.take_away)
    except tuple(_CODES) as error:
        screen.print_complaint(str(error))
        return _CODES[type(error)]
    # The CDK asks about wider permissions, where somebody can answer. It deploys what was compared: no second synth.
    approval = () if screen.is_interactive() and not options.take_away else ("--require-approval", "never")
    return run_cdk("deploy", stack.name, "--app", str(ASSEMBLY), *approval)


def _read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make deploy", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("stage", choices=STAGES_WITH_FILE, help="`make up` deploys the local one")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="for this deploy")
    parser.add_argument("--take-away", action="store_true", help="agree to what the deploy takes away")
    options = parser.parse_args(arguments)
    if any(value.partition("=")[0].strip() == "stage" for value in options.context):
        parser.error("-c stage=…: STAGE names the stage, as in make deploy STAGE=dev")
    return options


def run_cdk(command: str, *arguments: str) -> int:
    """Run a command of the CDK in the project's folder, on this terminal; gives its exit code."""
    cdk = ROOT / "node_modules" / ".bin" / "cdk"
    return subprocess.run([cdk, command, "--no-notices", *arguments], cwd=ROOT, check=False).returncode  # noqa: S603


def _find_stack_losses(stack: Stack) -> list[Loss]:
    deployed = read_deployed_template(stack)
    if deployed is None:
        return []
    planned = json.loads((ASSEMBLY / f"{stack.name}.template.json").read_text("utf-8"))
    return find_losses(deployed, planned, find_fixed_properties)


def _agree_to_losses(losses: Sequence[Loss], name: str, *, agreed: bool) -> None:
    """Say what would be lost, and go on if there is nothing or somebody agrees.

    Raises:
        Refused: they do not, or nobody can be asked.
    """
    if not losses:
        screen.print_line(f"{name}: this deploy takes nothing away")
        return
    screen.print_line(f"{name}: this deploy takes away")
    for loss in losses:
        screen.print_line(f"  {loss.what}: {loss.fate}")
    if agreed:
        return
    if not screen.is_interactive():
        raise Refused("nothing was deployed, since nobody can be asked here: add TAKE_AWAY=1 to agree")
    if not screen.confirm_question("Deploy all the same?"):
        raise Refused("nothing was deployed")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
