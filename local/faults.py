"""`python -m local.faults`: break the local AWS that `make up` started, on purpose, and fix it again.

It finds that one by the note that `make up` left, and can reach no other. A fault is a change of the functions'
environment, so that whatever uses the stack meets it; `fix` takes each back. docs/breaking-things.md has the tour.
"""

import argparse
import http.client
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from local.aws import LocalAws, LocalAwsError
from local.aws.state import StateFile
from ops.local_aws import HOST, NOTE

Variables = dict[str, str]

# By its SDK's own variable a function is sent to where a service answers.
_SERVICES: Final = {
    "dynamodb": "AWS_ENDPOINT_URL_DYNAMODB",
    "ses": "AWS_ENDPOINT_URL_SESV2",
    "stepfunctions": "AWS_ENDPOINT_URL_SFN",
}
_NOBODY: Final = f"http://{HOST}:1"  # a port at which nothing listens: connections are refused
_NEEDED: Final = "ORDERS_TABLE"  # a step that lacks it raises KeyError before it calls anything
_TAKEN_AWAY: Final = f"BROKEN_{_NEEDED}"


def main(arguments: Sequence[str] | None = None, *, note: Path = NOTE) -> int:
    """Run one command and return its exit code."""
    chosen = _make_parser().parse_args(arguments)
    try:
        aws = _find_local_aws(note)
        match chosen.command:
            case "away":
                send_away(aws, chosen.service)
            case "crash":
                crash_step(aws, chosen.step)
            case "waits":
                scale_waits(aws, chosen.scale)
            case "fix":
                fix_functions(aws)
                scale_waits(aws, 1.0)
            case _:
                pass
        print("\n".join(describe_faults(aws)) or "nothing is broken")
    except LocalAwsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _find_local_aws(note: Path) -> LocalAws:
    aws = StateFile(note).running()
    if aws is None:
        raise LocalAwsError("no local AWS is up; `make up` starts one")
    return aws


def send_away(aws: LocalAws, service: str) -> None:
    """Let a service refuse every connection of the functions."""
    _change_functions(aws, lambda _name, variables: variables | {_SERVICES[service]: _NOBODY})


def crash_step(aws: LocalAws, step: str) -> None:
    """Make a step raise at each of its tries.

    Raises:
        LocalAwsError: no function has this name.
    """
    steps = [name for name, _, variables in _read_functions(aws) if {_NEEDED, _TAKEN_AWAY} & variables.keys()]
    if step not in steps:
        raise LocalAwsError(f"STEP: must be one of {', '.join(sorted(steps))}, not {step!r}")
    _change_functions(aws, lambda name, variables: _break_variables(variables) if name == step else variables)


def fix_functions(aws: LocalAws) -> None:
    """Take back what `send_away` and `crash_step` did."""
    _change_functions(aws, lambda _name, variables: _fix_variables(variables))


def _change_functions(aws: LocalAws, change: Callable[[str, Variables], Variables]) -> None:
    """Give each function the environment that `change` makes of its own; its processes start anew with it."""
    for name, resource, variables in _read_functions(aws):
        changed = change(name, variables)
        if changed != variables:
            aws.client("lambda").update_function_configuration(
                FunctionName=resource, Environment={"Variables": changed}
            )


def scale_waits(aws: LocalAws, scale: float) -> None:
    """Multiply each wait of Step Functions that begins from now on, the retries' too."""
    setting = {"stepfunctions._SFN_WAIT_SCALE": scale}
    connection = http.client.HTTPConnection(HOST, aws.port, timeout=10)
    try:
        connection.request("POST", "/_ministack/config", json.dumps(setting), {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if answer != {"applied": setting}:
        raise LocalAwsError(f"the local AWS did not take the scale of its waits: {answer}")


def describe_faults(aws: LocalAws) -> list[str]:
    """Say what is broken, a line each."""
    faults = set[str]()
    for name, _, variables in _read_functions(aws):
        faults |= {
            f"{service} is away" for service, variable in _SERVICES.items() if variables.get(variable) == _NOBODY
        }
        faults |= {f"{name} raises KeyError"} if _TAKEN_AWAY in variables else set()
    return sorted(faults)


def _read_functions(aws: LocalAws) -> Iterator[tuple[str, str, Variables]]:
    """Yield each Python function: its handler's name, its own in Lambda, and its environment."""
    for page in aws.client("lambda").get_paginator("list_functions").paginate():
        for found in page["Functions"]:
            if found["Handler"].startswith("functions."):
                yield found["Handler"].rpartition(".")[2], found["FunctionName"], found["Environment"]["Variables"]


def _break_variables(variables: Variables) -> Variables:
    return {_TAKEN_AWAY if name == _NEEDED else name: value for name, value in variables.items()}


def _fix_variables(variables: Variables) -> Variables:
    return {
        _NEEDED if name == _TAKEN_AWAY else name: value
        for name, value in variables.items()
        if name not in _SERVICES.values()
    }


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.faults", description="Break the local AWS on purpose, and fix it again."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    away = commands.add_parser("away", help="a service refuses every connection of the functions")
    away.add_argument("service", choices=_SERVICES)
    crash = commands.add_parser("crash", help="a step raises at every try")
    crash.add_argument("step", metavar="STEP", help="a handler's name, as reserve_inventory")
    waits = commands.add_parser("waits", help="multiply Step Functions' waits: 0.01 makes an hour 36 s")
    waits.add_argument("scale", type=_read_scale, metavar="SCALE", help="from 0 to 1; 1 is as on AWS")
    commands.add_parser("fix", help="take every fault back, and the waits' scale")
    commands.add_parser("show", help="say what is broken")
    return parser


def _read_scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = -1.0
    if not 0 <= scale <= 1:
        raise argparse.ArgumentTypeError(f"a scale is a number from 0 to 1, not {text!r}")
    return scale


if __name__ == "__main__":
    sys.exit(main())
