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
    yield from map(_format_path, _find_programs())
    values = {"ORDERS_STAGE": stack.stage, **_name_account(stack), **_name_outputs(stack)}
    yield from (f"export {name}={shlex.quote(text)}" for name, text in values.items())


def _find_programs() -> list[Path]:
    """Find the folders of the CDK and of `orders`, which comes to stand first."""
    return [folder for folder in (_NODE, Path(sys.executable).parent) if folder.is_dir()]


def _format_path(folder: Path) -> str:
    """Put a folder on the path of the shell that evaluates this, once: `make`, which may print it, has another path."""
    quoted = shlex.quote(str(folder))
    return f'case ":$PATH:" in *:{quoted}:*) ;; *) export PATH={quoted}:"$PATH" ;; esac'


def _name_account(stack: Stack) -> dict[str, str]:
    if isinstance(stack.aws, LocalAccount):
        return client_environment(stack.aws.endpoint, os.environ)
    profile = stack.aws.session.profile_name if isinstance(stack.aws, Account) else "default"
    return {"AWS_REGION": stack.region} | ({} if profile == "default" else {"AWS_PROFILE": profile})


def _name_outputs(stack: Stack) -> dict[str, str]:
    return {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper(): text for name, text in stack.outputs.items()}
