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

_OUTPUT: Final = re.compile(r"(?!Aws|Boto)[A-Z][A-Za-z]*(?:Arn|Url|TableName)|SenderEmail")
_NODE: Final = Path(__file__).resolve().parents[2] / "node_modules" / ".bin"


def format_exports(stack: Stack) -> str:
    """Give the lines for `eval`: the programs, the stage, the account, and each output as ORDER_TOPIC_ARN and so on."""
    return "\n".join(_make_lines(stack)) + "\n"


def _make_lines(stack: Stack) -> Iterator[str]:
    if isinstance(stack.aws, LocalAccount):
        yield from (f"unset {name}" for name in find_outranking(os.environ))
    yield from map(_format_path, _find_programs())
    if isinstance(stack.aws, Account) and stack.aws.profile:
        yield "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN"  # they go before a profile
    values = {**_name_outputs(stack), "ORDERS_STAGE": stack.stage, **_name_account(stack)}
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
    profile = stack.aws.profile if isinstance(stack.aws, Account) else None
    # Boto3 and version 1 of the AWS CLI read the second, the CDK and version 2 the first.
    regions = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), stack.region)
    return regions | ({"AWS_PROFILE": profile} if profile else {})


def _name_outputs(stack: Stack) -> dict[str, str]:
    """Name the outputs of the kinds that the stack has; no other sets a variable that a shell or an SDK obeys."""
    outputs = {name: text for name, text in stack.outputs.items() if _OUTPUT.fullmatch(name)}
    return {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper(): text for name, text in outputs.items()}
