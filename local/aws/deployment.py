"""The real `cdk bootstrap` and `cdk deploy`, against a local AWS."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.paths import ROOT
from local.aws.concurrency import limit_each_function
from local.aws.environment import find_tools, tool_environment
from local.aws.errors import LocalAwsError
from local.aws.process import kill_group
from local.aws.server import LocalAws
from ops.local_aws import ACCOUNT, REGION

_TAIL_LINES = 30
# As in: order-processing-local |  12/105 | 3:40:05 AM | CREATE_COMPLETE | AWS::SQS::Queue | OrderQueue
_EVENT = re.compile(r"\|\s*(?P<done>\d+)/(?P<total>\d+)\s*\|")


def _ignore_progress(_message: str) -> None:
    """Report nothing."""


def deploy_stack(
    aws: LocalAws,
    *,
    progress: Callable[[str], None] = _ignore_progress,
    context: Mapping[str, str] | None = None,
    assembly: Path | None = None,
) -> dict[str, str]:
    """Deploy stage `local` to `aws` and return the stack's outputs.

    Args:
        aws: Where to.
        progress: Called with a line about what is going on.
        context: More context for the app, such as `{"alarm_email": …}`.
        assembly: A folder that the app was synthesised to; None synthesises it now.

    Raises:
        LocalAwsError: A tool is missing or failed; the message ends with what it said last.
    """
    cdk = _cdk_command()
    with tempfile.TemporaryDirectory(prefix="order-processing-deploy-") as scratch:
        home = Path(scratch)
        outputs = home / "outputs.json"
        progress("cdk bootstrap")
        # From a folder without a cdk.json: it needs the app for nothing, and would run it.
        _run_command(
            [*cdk, "bootstrap", f"aws://{ACCOUNT}/{REGION}"], aws=aws, folder=home, home=home, progress=_ignore_progress
        )
        progress("cdk deploy: building and synthesising")
        values = {"stage": "local", **(context or {})}
        _run_command(
            [
                *[*cdk, "deploy", "--require-approval", "never", "--progress", "events", "--ci"],
                *["--outputs-file", str(outputs)],
                # A cloud assembly of its own: two deploys from one checkout would lock each other out.
                *(["--app", str(assembly)] if assembly else ["--output", str(home / "assembly")]),
                *[word for name, value in values.items() for word in ("--context", f"{name}={value}")],
            ],
            aws=aws,
            folder=ROOT,
            home=home,
            progress=lambda line: _tell_event(line, progress),
        )
        limit_each_function(aws.client("lambda"))
        return _single_stack(json.loads(outputs.read_text(encoding="utf-8")))


def _cdk_command() -> list[str]:
    node, script = find_tools() / "node", ROOT / "node_modules" / ".bin" / "cdk"
    for needed, what in ((node, "Node"), (script, "the CDK's command line")):
        if not needed.exists():
            raise LocalAwsError(f"{what} is missing ({needed.parent.name}/{needed.name}): run `make install` first")
    return [str(node), str(script), "--no-notices", "--no-version-reporting"]


def _single_stack(outputs: dict[str, dict[str, str]]) -> dict[str, str]:
    if len(outputs) != 1:
        raise LocalAwsError(f"one stack with outputs was expected, not {sorted(outputs)}")
    return next(iter(outputs.values()))


def _tell_event(line: str, progress: Callable[[str], None]) -> None:
    event = _EVENT.search(line)
    if event and ("ROLLBACK" in line or "DELETE" in line):
        progress("cdk deploy: failed, rolling back")
    elif event:
        progress(f"cdk deploy: {event['done']} of {event['total']} resources")


def _run_command(
    command: list[str], *, aws: LocalAws, folder: Path, home: Path, progress: Callable[[str], None]
) -> None:
    """Run a command in a group of its own, so that on any failure nothing of it goes on."""
    said: list[str] = []
    process = subprocess.Popen(  # noqa: S603 - the command is this module's own
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        cwd=folder,
        env=tool_environment(endpoint=aws.endpoint, home=home, inherited=os.environ),
        start_new_session=True,
    )
    try:
        for line in process.stdout or ():
            said.append(line.rstrip())
            progress(line)
        code = process.wait()
    except BaseException:  # also Ctrl-C
        kill_group(process.pid)
        process.wait()
        raise
    finally:
        if process.stdout:
            process.stdout.close()
    if code:
        raise LocalAwsError(_describe_failure(command, code, said, aws))


def _describe_failure(command: list[str], code: int, said: list[str], aws: LocalAws) -> str:
    name = f"cdk {command[len(_cdk_command())]}"
    # Only the resources' events that failed: a rollback's hundred lines would hide the reason.
    telling = [line for line in said if line and ("FAILED" in line or not _EVENT.search(line))]
    tail = "\n".join(telling[-_TAIL_LINES:])
    lost = "" if aws.is_running else f"\nand the local AWS is gone; its log ends:\n{aws.log_tail()}"
    return f"`{name}` failed (exit code {code}); it said last:\n{tail}{lost}"
