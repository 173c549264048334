"""`make demo`: a local AWS of its own, the real deploy, the story, and an exit code that says whether all came true."""

import signal
import sys
import time

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from local.aws import LocalAws, LocalAwsError, deploy_stack
from local.demo.checks import Checks
from local.demo.display import open_console
from local.demo.last_chapter import tell_last_chapter
from local.demo.stage import Stage, WaitedInVainError
from local.demo.story import tell_story
from local.pipeline import Pipeline
from ops.terminal.working import show_working

_WAIT_SCALE = 0.1  # of a retry's wait: a fault that has nothing to do with the story should not make it long


def main() -> int:
    """Run the demo and return its exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # terminated, it clears up as on Ctrl-C
    console = open_console()
    checks = Checks(console)
    began = time.monotonic()
    console.print("Order processing, end to end, on a local AWS of its own: nothing leaves this machine.", markup=False)
    try:
        with show_working(console, "starting a local AWS"):
            aws = LocalAws.start(wait_scale=_WAIT_SCALE)
        with aws:
            _perform_story(aws, console, checks)
    except LocalAwsError as error:
        console.print(f"error: {error}", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("\ninterrupted; the local AWS is stopped", markup=False)
        return 130
    return _print_verdict(console, checks, time.monotonic() - began)


def _perform_story(aws: LocalAws, console: Console, checks: Checks) -> None:
    began = time.monotonic()
    with show_working(console, "cdk deploy") as tell_progress:
        outputs = deploy_stack(aws, progress=tell_progress)
    console.print(f"deployed to a local AWS at {aws.endpoint} in {time.monotonic() - began:.0f} s")
    try:
        stage = Stage(Pipeline(aws, outputs), console, checks)
        tell_story(stage)
        tell_last_chapter(stage)
    except WaitedInVainError as vain:
        checks.fail(str(vain))
    except (BotoCoreError, ClientError, OSError) as failure:
        checks.fail(f"an AWS API failed: {failure}")
    if checks.missed:
        console.print(f"\nthe local AWS's log ends:\n{aws.log_tail()}", markup=False, soft_wrap=True)


def _print_verdict(console: Console, checks: Checks, seconds: float) -> int:
    console.print()
    if not checks.missed:
        console.print(f"[bold green]All {checks.made} checks passed[/] in {seconds:.0f} s; the local AWS is stopped.")
        return 0
    console.print(f"[bold red]{len(checks.missed)} of {checks.made} checks not as expected:[/]")
    for missed in checks.missed:
        console.print(f"  {missed}", markup=False)
    return 1


if __name__ == "__main__":
    sys.exit(main())
