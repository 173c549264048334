"""mypy sees the types of what is imported of the CDK and of moto; their other services would take most of its time."""

import ast
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).parents[2]
CUT = ("aws_cdk", "moto")


def imported() -> Iterator[str]:
    """Give the modules that ours import; of what the CDK itself holds, they alone are in lower case."""
    for folder in ("bench", "infra", "local", "tests", "tools"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    yield from (alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    yield node.module
                    if node.module == "aws_cdk":
                        yield from (f"aws_cdk.{alias.name}" for alias in node.names if alias.name.islower())


def test_no_module_is_imported_without_its_types() -> None:
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]["overrides"]
    (followed,) = [each["module"] for each in overrides if each.get("follow_imports") == "normal"]
    modules = {name for name in imported() if name.partition(".")[0] in CUT}
    assert {"aws_cdk.aws_lambda", "moto.dynamodb.models"} <= modules
    assert {name for name in modules if not any(fnmatchcase(name, pattern) for pattern in followed)} == set()
