"""A name stands for one thing: a grep or a stack trace that shows a class's or a module's name leads to one place."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Where every folder of its kind has one: a step's handler and its store, a noun's commands, a layer's errors.
ONE_A_FOLDER = {"__init__", "__main__", "commands", "errors", "handler", "store"}
# The same thing seen from two sides: by who deploys it and who operates it, by who measures it and in whose process.
TWO_SIDES = {
    "app": ["infra/app.py", "ops/app.py"],
    "cold": ["bench/cold.py", "bench/probes/cold.py"],
    "order": ["bench/order.py", "bench/probes/order.py", "functions/shared/order.py"],
    "queues": ["infra/pipeline/queues.py", "ops/dead_letters/queues.py"],
    "stack": ["infra/stack.py", "ops/stack.py"],
    "warm": ["bench/probes/warm.py", "bench/warm.py"],
}


def test_no_two_classes_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for path in find_modules():
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(f"{path}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_two_modules_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for path in find_modules():
        if path.stem not in ONE_A_FOLDER:
            places.setdefault(path.stem, []).append(str(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == TWO_SIDES


def find_modules() -> Iterator[Path]:
    for folder in ("bench", "functions", "infra", "local", "ops", "tools"):
        yield from sorted(path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py"))
