"""What an operator installs: the wheel, in a folder of its own, away from the repository."""

# ruff: noqa: S603 - the programs run here are the tests' own

import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.paths import ROOT
from tests.answers import Answer

UV = Path(sys.executable).with_name("uv")
Orders = Callable[..., Answer]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--offline", "--out-dir", folder, ROOT], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([UV, "venv", "--quiet", "--offline", "--python", sys.executable, folder], check=True)
    install = ["pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(folder / "bin" / "python")]
    subprocess.run([UV, *install, wheel], check=True)
    return folder


@pytest.fixture(scope="module")
def installed(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Orders:
    """Its dependencies are this environment's, by a path that brings nothing of the repository with it."""
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return lambda *words, **variables: run(environment, tmp_path_factory.mktemp("elsewhere"), words, variables)


def run(environment: Path, folder: Path, words: tuple[str, ...], variables: dict[str, str]) -> Answer:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ORDERS_", "PYTHON"))}
    command = [str(environment / "bin" / "orders"), *words]
    done = subprocess.run(
        command, cwd=folder, env=kept | variables, capture_output=True, text=True, check=False, timeout=120
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def test_the_command_starts_and_prices_away_from_the_repository(installed: Orders) -> None:
    assert installed("--help").code == 0
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert installed("--version").out == f"orders {version}\n"
    priced = installed("cost", "--orders", "1000000", "--items", "2")
    assert (priced.code, priced.err) == (0, "")
    assert "11 write units" in priced.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--local", "list"), "no local AWS is up"),
        (("--stage", "dev", "show", "12345"), "no region"),
        (("stock", "show"), "--stage: name the stack"),
    ],
)
def test_a_stack_that_is_not_there_is_a_line_and_no_traceback(
    installed: Orders, words: tuple[str, ...], told: str
) -> None:
    answer = installed(*words, AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    assert answer.code in {2, 3}, answer
    assert told in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.usefixtures("installed")
def test_every_module_of_the_command_can_be_imported(environment: Path, tmp_path: Path) -> None:
    walk = (
        "import importlib, pkgutil, ops; print(ops.__file__);"
        "[importlib.import_module(m.name) for m in pkgutil.walk_packages(ops.__path__, 'ops.')"
        " if not m.name.endswith('__main__')]"
    )
    program = [str(environment / "bin" / "python"), "-c", walk]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert str(environment) in done.stdout


def test_without_what_the_command_line_needs_it_says_what_to_install(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path)
    program = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; START"]
    program[-1] = program[-1].replace("START", "from ops.start import main; main()")
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("install the wheel with its extra, as in `pip install 'WHEEL[cli]'`\n")


def test_the_wheel_holds_what_an_operator_runs_with_its_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"functions", "ops", "order_processing"}
    assert {
        "functions/shared/order_message.schema.json",
        "functions/send_email/templates/confirmation.txt.j2",
        "ops/cost/counts.json",
        "ops/schemas/show.schema.json",
    } <= names
