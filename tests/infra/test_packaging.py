"""What is put on Lambda: complete, cut, compiled for the Python that runs it, and the same wherever it is built."""

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.loaders import Loader

from infra.assets import build

NATIVE = build.Target(python=f"{sys.version_info.major}.{sys.version_info.minor}", platform=None)


@pytest.fixture(scope="session")
def lambda_layer() -> Path:
    return build.build_layer()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two functions, so that no test here depends on what the real ones hold."""
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "BUILD", tmp_path / ".build")
    for file, text in {
        "functions/__init__.py": "",
        "functions/shared/__init__.py": "",
        "functions/shared/words.py": "WORDS = {'a', 'b', 'c', 'd'}\n",
        "functions/one/handler.py": "def one(event):\n    return 1 if event in {'x', 'y', 'z'} else 0\n",
        "functions/one/template.txt": "text",
        "functions/one/__pycache__/handler.cpython-39.pyc": "stale",
        "functions/two/handler.py": "def two(event):\n    raise ValueError(event)\n",
    }.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def content(tree: Path) -> dict[str, bytes]:
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def compiled(tree: Path) -> Iterator[tuple[bytes, Path]]:
    for path in sorted(tree.rglob("*.pyc")):
        yield path.read_bytes()[:16], path


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    """Run a command of this test's own making in an environment of nothing but `env`, and give its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env or {})  # noqa: S603
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def needs_lambdas_python() -> Path:
    interpreter = build.find_interpreter(build.LAMBDA_PYTHON)
    if interpreter is None:
        pytest.skip(f"no Python {build.LAMBDA_PYTHON} here to compile with")
    return interpreter


# --- the layer ---


def clients_made() -> set[str]:
    """Every service that functions/ names in a call of `make_client`, `create_client` or `resource`."""
    services: set[str] = set()
    for source in (Path(__file__).parents[2] / "functions").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                assert name != "resource", f"{source}: boto3's resources are cut from the layer"
                if name in {"make_client", "create_client"}:
                    services.add(str(node.args[0].value))
    return services


def test_the_layer_holds_the_data_of_exactly_the_services_the_functions_call() -> None:
    assert clients_made() == set(build.CLIENTS)


def test_every_client_the_functions_make_can_be_made_from_the_layer_alone() -> None:
    layer = build.build_layer(NATIVE)
    program = f"""
import sys
sys.path.insert(0, {str(layer / "python")!r})
import boto3, botocore.session
assert boto3.__file__.startswith({str(layer)!r}), boto3.__file__
for service in {build.CLIENTS!r}:
    for session in (boto3, botocore.session.get_session()):
        make = getattr(session, "client", None) or session.create_client
        client = make(service, region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="x")
        assert client.meta.endpoint_url.startswith("https://"), client.meta.endpoint_url
import aws_lambda_powertools.utilities.batch, aws_lambda_powertools.utilities.validation, jinja2, fastjsonschema
"""
    # Isolated and without site-packages: only the standard library and the layer can be found.
    run(sys.executable, "-I", "-S", "-W", "error", "-c", program)


def test_the_layer_is_at_the_locked_versions_and_for_lambdas_machine(lambda_layer: Path) -> None:
    packages = lambda_layer / "python"
    installed = {path.name.removesuffix(".dist-info") for path in packages.glob("*.dist-info")}
    lines = build.REQUIREMENTS.read_text().splitlines()
    locked = {line.split()[0].replace("==", "-") for line in lines if "==" in line}
    assert installed == {name.replace("-", "_", name.count("-") - 1) for name in locked}
    assert [path.name for path in packages.rglob("*.so")] == ["_speedups.cpython-313-aarch64-linux-gnu.so"]


def test_the_layer_is_cut_to_what_is_used(lambda_layer: Path) -> None:
    data = lambda_layer / "python" / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == set(build.CLIENTS)
    assert not (lambda_layer / "python" / "bin").exists()
    assert list(lambda_layer.rglob("METADATA")), "Amazon Inspector finds vulnerable versions by it"


def test_what_is_cut_from_botocores_data_changes_no_endpoint_and_no_operation() -> None:
    """The layer's data against the whole, which this environment has at the same version."""
    whole, layer = botocore.session.Session(), botocore.session.Session()
    data = build.build_layer(NATIVE) / "python" / "botocore" / "data"
    layer.register_component("data_loader", Loader([str(data)], include_default_search_paths=False))
    for service in build.CLIENTS:
        assert whole.get_available_regions(service) == layer.get_available_regions(service)
        for region in (*whole.get_available_regions(service), "us-gov-west-1", "cn-north-1"):
            clients = [session.create_client(service, region_name=region) for session in (whole, layer)]
            assert clients[0].meta.endpoint_url == clients[1].meta.endpoint_url
        assert without_documentation(whole, service) == without_documentation(layer, service)


def without_documentation(session: botocore.session.Session, service: str) -> Any:
    def strip(node: Any) -> Any:
        if isinstance(node, dict):
            items = ((key, strip(value)) for key, value in node.items())
            return {key: value for key, value in items if (key, type(value)) != ("documentation", str)}
        return [strip(value) for value in node] if isinstance(node, list) else node

    model = strip(json.loads(json.dumps(session.get_service_data(service))))
    return model | {"paginators": session.get_component("data_loader").load_service_model(service, "paginators-1")}


def test_the_layer_is_compiled_so_that_lambda_trusts_it(lambda_layer: Path) -> None:
    needs_lambdas_python()
    uncompiled = [
        path for path in lambda_layer.rglob("*.py") if not list(path.parent.glob(f"__pycache__/{path.stem}.*.pyc"))
    ]
    assert not uncompiled
    for header, path in compiled(lambda_layer):
        assert path.name.endswith(".cpython-313.pyc")
        assert int.from_bytes(header[4:8], "little") == 0b01, f"{path}: not an unchecked hash"


def test_the_same_requirements_give_the_same_layer(
    lambda_layer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "BUILD", tmp_path)
    again = build.build_layer()
    assert again.name == lambda_layer.name
    assert content(again) == content(lambda_layer)


# --- the functions ---


@pytest.mark.usefixtures("project")
def test_a_function_holds_its_own_folder_and_what_is_shared_and_no_leftovers() -> None:
    files = {name for name in content(build.build_function("one")) if not name.endswith(".cpython-313.pyc")}
    assert files == {
        "functions/__init__.py",
        "functions/shared/__init__.py",
        "functions/shared/words.py",
        "functions/one/handler.py",
        "functions/one/template.txt",
    }


@pytest.mark.usefixtures("project")
def test_tracebacks_name_the_paths_of_lambda() -> None:
    interpreter = needs_lambdas_python()
    pyc = next(build.build_function("two").glob("functions/two/__pycache__/handler.*.pyc"))
    program = f"import marshal; print(marshal.loads(open({str(pyc)!r}, 'rb').read()[16:]).co_filename)"
    assert run(interpreter, "-c", program) == "/var/task/functions/two/handler.py"


def test_the_same_sources_give_the_same_bytes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build.build_function("one")
    monkeypatch.setattr(build, "BUILD", project / "elsewhere")
    monkeypatch.setenv("PYTHONHASHSEED", "12345")
    second = build.build_function("one")
    assert first.name == second.name
    assert content(first) == content(second)


def test_a_change_of_one_function_is_a_new_asset_of_that_function_only(project: Path) -> None:
    one, two = build.build_function("one"), build.build_function("two")
    (project / "functions/one/template.txt").write_text("other text")
    assert build.build_function("one") != one
    assert build.build_function("two") == two


def test_a_change_of_what_is_shared_is_a_new_asset_of_every_function(project: Path) -> None:
    before = [build.build_function("one"), build.build_function("two")]
    (project / "functions/shared/words.py").write_text("WORDS = set()\n")
    after = [build.build_function("one"), build.build_function("two")]
    assert not set(before) & set(after)


@pytest.mark.usefixtures("project")
def test_lambda_can_read_what_was_built_under_a_strict_umask() -> None:
    before = os.umask(0o077)
    try:
        tree = build.build_function("one")
    finally:
        os.umask(before)
    for path in (tree, *tree.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


@pytest.mark.usefixtures("project")
def test_locally_the_bootstrap_runs_the_python_that_built_it_at_the_assets_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "an environment" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "$PWD|$PYTHONPATH|$*"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    asset = build.local_function("one")
    unzipped = shutil.copytree(asset, tmp_path / "task root")
    environment = {"LAMBDA_TASK_ROOT": str(unzipped), "_HANDLER": "functions.one.handler.one"}
    said = run(unzipped / "bootstrap", env=environment)
    assert said == f"{unzipped}|{unzipped}|-m awslambdaric functions.one.handler.one"


def test_the_local_runtime_client_is_in_this_environment() -> None:
    assert importlib.util.find_spec("awslambdaric")


# --- builds that meet or fail ---


@pytest.mark.usefixtures("project")
def test_builds_at_the_same_time_give_one_whole_asset() -> None:
    with ThreadPoolExecutor(8) as pool:
        built = set(pool.map(build.local_function, ["one"] * 8))
    assert len(built) == 1
    assert "functions/one/handler.py" in content(built.pop())
    assert [path.name for path in build.BUILD.iterdir() if path.name.startswith("partial-")] == []


def test_an_interrupted_build_leaves_nothing_behind(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build.build_function("one")
    assert list((project / ".build").iterdir()) == []
    assert build.build_function("one").is_dir()


@pytest.mark.usefixtures("project")
def test_what_is_there_is_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    first = build.build_function("one")
    monkeypatch.setattr(build, "byte_compile", pytest.fail)
    assert build.build_function("one") == first


def test_a_source_that_does_not_compile_fails_the_build_and_is_named(project: Path) -> None:
    needs_lambdas_python()
    (project / "functions/one/broken.py").write_text("def broken(:\n")
    with pytest.raises(build.BuildError, match=r"(?s)Byte-compiling.*functions/one/broken\.py"):
        build.build_function("one")


@pytest.mark.usefixtures("project")
def test_an_unknown_function_is_a_clear_error() -> None:
    with pytest.raises(build.BuildError, match="no folder functions/three"):
        build.build_function("three")


@pytest.mark.usefixtures("project")
def test_a_package_of_other_content_than_locked_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = tmp_path / "functions.txt"
    requirements.write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(build, "REQUIREMENTS", requirements)
    with pytest.raises(build.BuildError, match=r"not the file that requirements/functions\.txt was locked to"):
        build.build_layer()


@pytest.mark.usefixtures("project")
def test_without_network_and_cache_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(build.BuildError, match="index could not be reached"):
        build.build_layer()


@pytest.mark.usefixtures("project")
def test_without_uv_the_error_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(build.BuildError, match="make install"):
        build.build_layer()


@pytest.mark.usefixtures("project")
def test_without_lambdas_python_the_asset_goes_uncompiled_and_the_cost_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    version = "3.99"  # that no machine has
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    asset = build.build_function("one", build.Target(python=version))
    assert not list(compiled(asset))
    assert "every cold start compiles" in capsys.readouterr().err
