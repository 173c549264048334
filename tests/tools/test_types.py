"""mypy sees the types of what the stack is made of; the CDK's other services would take most of its time."""

import ast
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]


def imported_of_the_cdk() -> Iterator[str]:
    """Give the CDK's modules that ours import."""
    spec = find_spec("aws_cdk")
    assert spec
    assert spec.submodule_search_locations
    modules = {path.parent.name for path in Path(spec.submodule_search_locations[0]).glob("*/__init__.py")}
    for folder in ("bench", "infra", "local", "tests", "tools"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    yield from (alias.name for alias in node.names if alias.name.startswith("aws_cdk"))
                elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aws_cdk"):
                    yield str(node.module)
                    yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name in modules)


def test_no_module_of_the_cdk_is_imported_without_its_types() -> None:
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]["overrides"]
    (followed,) = [each["module"] for each in overrides if each.get("follow_imports") == "normal"]
    imported = set(imported_of_the_cdk())
    assert "aws_cdk.aws_lambda" in imported
    assert imported - set(followed) == set()
