"""The lines that a shell evaluates to be pointed at a stack."""

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ops.environment.variables import client_environment, find_outranking
from ops.stack import Account, LocalAccount, Stack

_NODE: Final = Path(__file__).resolve().parents[2] / "node_modules" / ".bin"


def format_exports(stack: Stack) -> str:
    """Give the lines for `eval`: the programs, the stage, the account, and each output as ORDER_TOPIC_ARN and so on."""
    return "\n".join(_make_lines(stack)) + "\n"


def _make_lines(stack: Stack) -> Iterator[str]:
    if isinstance(stack.aws, LocalAccount):
        yield from (f"unset {name}" for name in find_outranking(os.environ))
    if folders := ":".join(shlex.quote(str(folder)) for folder in _find_programs()):
        yield f'export PATH={folders}:"$PATH"'
    values = {"ORDERS_STAGE": stack.stage, **_name_account(stack), **_name_outputs(stack)}
    yield from (f"export {name}={shlex.quote(text)}" for name, text in values.items())


def _find_programs() -> list[Path]:
    """Find the folders of `orders` and of the CDK that are not on the path already."""
    known = os.environ.get("PATH", "").split(os.pathsep)
    return [folder for folder in (Path(sys.executable).parent, _NODE) if folder.is_dir() and str(folder) not in known]


def _name_account(stack: Stack) -> dict[str, str]:
    if isinstance(stack.aws, LocalAccount):
        return client_environment(stack.aws.endpoint, os.environ)
    profile = stack.aws.session.profile_name if isinstance(stack.aws, Account) else "default"
    return {"AWS_REGION": stack.region} | ({} if profile == "default" else {"AWS_PROFILE": profile})


def _name_outputs(stack: Stack) -> dict[str, str]:
    return {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper(): text for name, text in stack.outputs.items()}
