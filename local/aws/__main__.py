"""The command line behind `make up`, `make down` and `make status`.

Only the `export` lines go to standard output, so that `eval "$(make -s up)"` works.
"""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from local.aws.deployment import deploy_stack
from local.aws.errors import LocalAwsError
from local.aws.server import LocalAws
from local.aws.state import StateFile
from ops.environment.exports import format_exports
from ops.local_aws import NOTE, REGION
from ops.stack import LOCAL_STAGE, LocalAccount, Stack, stack_name
from ops.terminal.working import show_working

_DEFAULT_PORT = 4566  # where tools for local AWS emulators look first
_ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)


def main(arguments: Sequence[str] | None = None, *, note: Path = NOTE) -> int:
    """Run one command and return its exit code."""
    chosen = _make_parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a terminated `up` clears up as Ctrl-C does
    state = StateFile(note)
    try:
        match chosen.command:
            case "up":
                _bring_up(state, chosen.port)
            case "down":
                _take_down(state)
            case _:
                return _show_status(state)
    except LocalAwsError as error:
        _ERRORS.print(f"error: {error}", markup=False)
        return 1
    except KeyboardInterrupt:
        _ERRORS.print("interrupted; nothing is left running", markup=False)
        return 130
    return 0


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.aws", description="The local AWS.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start it, deploy, print the export lines")
    up.add_argument("--port", type=_read_port, help=f"{_DEFAULT_PORT} unless one is up; 0 takes any free port")
    commands.add_parser("down", help="stop it; its state is gone then")
    commands.add_parser("status", help="say whether and where it runs")
    return parser


def _read_port(text: str) -> int:
    highest = 65535
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= highest:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {highest}, not {text!r}")
    return port


def _bring_up(state: StateFile, port: int | None) -> None:
    """Start and deploy; where one is up already, deploy to it what has changed since."""
    running = state.running()
    if running is None:
        _start_aws(state, _DEFAULT_PORT if port is None else port)
        return
    if port not in {None, 0, running.port}:
        raise LocalAwsError(
            f"a local AWS is up already, on port {running.port}: leave out PORT to deploy to it,"
            " or stop it with `make down`, which deletes its orders and stock"
        )
    _ERRORS.print(f"already up at {running.endpoint}; deploying what has changed", markup=False)
    _deploy_stack(running)


def _start_aws(state: StateFile, port: int) -> None:
    with show_working(_ERRORS, "starting the local AWS"):
        aws = LocalAws.start(port=port)
    try:
        state.note(aws)
        _deploy_stack(aws)
    except BaseException:  # also Ctrl-C: half a deployment is of no use to anybody
        aws.stop()
        state.forget()
        raise


def _deploy_stack(aws: LocalAws) -> None:
    begun = time.monotonic()
    with show_working(_ERRORS, "deploying") as tell:
        outputs = deploy_stack(aws, progress=tell)
    _ERRORS.print(
        f"up at {aws.endpoint}, deployed in {time.monotonic() - begun:.0f} s; `make down` stops it",
        markup=False,
    )
    _ERRORS.print(
        "(version 1 of the AWS CLI ignores AWS_ENDPOINT_URL for SQS alone:"
        " `aws sqs --endpoint-url $AWS_ENDPOINT_URL …`)",
        markup=False,
    )
    sys.stdout.write(format_exports(Stack(stack_name(LOCAL_STAGE), REGION, LocalAccount(aws.endpoint), outputs)))


def _take_down(state: StateFile) -> None:
    running = state.running()
    if running is None:
        _ERRORS.print("no local AWS is up", markup=False)
        return
    running.stop()
    state.forget()
    _ERRORS.print(f"stopped the local AWS at {running.endpoint}; its state is gone", markup=False)


def _show_status(state: StateFile) -> int:
    """Exit code 0 when up and 3 when not, as service tools do."""
    running = state.running()
    if running is None:
        _ERRORS.print("no local AWS is up; `make up` starts one", markup=False)
        return 3
    _ERRORS.print(f"up at {running.endpoint} (process {running.pid}); `make down` stops it", markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
