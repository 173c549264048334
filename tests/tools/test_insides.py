"""The insides of other packages are used in one folder, and only with the versions that they were tried with."""

import ast
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from infra.paths import ROOT
from tools.insides import HOLDS_FOR

# Modules that moto's and botocore's documentation name, and the requests that botocore's documented events hand over.
PUBLIC = {
    *("moto", "botocore", "botocore.awsrequest", "botocore.config", "botocore.exceptions", "botocore.loaders"),
    "botocore.session",
}


def test_what_is_installed_is_what_the_insides_were_tried_with() -> None:
    """If this fails, run the tests that `tools/insides` names, and write the new version there."""
    assert {name: version(name) for name in HOLDS_FOR} == HOLDS_FOR


def test_no_other_module_reaches_into_them() -> None:
    reached = {
        f"{path.relative_to(ROOT)}: {module}"
        for folder in ("bench", "functions", "infra", "local", "ops", "tests", "tools")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not path.is_relative_to(ROOT / "tools" / "insides")
        for module in imported_modules(path)
        if module.partition(".")[0] in HOLDS_FOR and module not in PUBLIC
    }
    assert reached == {"bench/probes/warm.py: botocore.client"}, "a probe in an interpreter without this project"


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
