"""Builds what Lambda runs: the layer of dependencies and one asset a function, as plain directories.

CDK could bundle in Docker instead. This needs only uv and takes seconds. A result is keyed by what went in:
the same sources give the same directory, which is reused, and two builds at once cannot spoil each other.
No CDK here, so that the tests and the benchmark build without starting jsii.
"""

import gzip
import hashlib
import json
import os
import platform as machine
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from infra.paths import ROOT

BUILD = ROOT / ".build"
REQUIREMENTS = ROOT / "requirements" / "functions.txt"

LAMBDA_PYTHON = "3.13"
LAMBDA_PLATFORM = "aarch64-manylinux2014"

CLIENTS = ("dynamodb", "sesv2", "sqs", "stepfunctions")
"""The services the functions call: the layer holds botocore's data of no other. A test finds one missing."""

# Files that no function reads. METADATA stays, since Amazon Inspector finds vulnerable versions by it; so do licences.
_CUT = (
    ".lock",
    "bin",
    "*.dist-info/INSTALLER",
    "*.dist-info/RECORD",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "*.dist-info/uv_*.json",
    "boto3/data",
    "boto3/examples",
    "botocore/data/*/*/examples-1.json",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.min.*",
)

_BOOTSTRAP = """\
#!/bin/sh
cd "$LAMBDA_TASK_ROOT" || exit 1
export PYTHONPATH="$LAMBDA_TASK_ROOT"
exec {python} -m awslambdaric "$_HANDLER"
"""


class BuildError(Exception):
    """An asset could not be built; the message says what failed and what to do."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The platform that built code will run on. `platform` is uv's name of it; None is the machine this runs on."""

    python: str = LAMBDA_PYTHON
    platform: str | None = LAMBDA_PLATFORM


ON_LAMBDA = Target()


def build_layer(target: Target = ON_LAMBDA) -> Path:
    """The dependencies at their locked, hash-checked versions, cut to what is used and byte-compiled."""
    interpreter = find_interpreter(target.python)

    def make(tree: Path) -> None:
        packages = tree / "python"  # what Lambda puts on sys.path, as /opt/python
        install_requirements(packages, target)
        cut_unused(packages)
        if interpreter:
            byte_compile(tree, runs_at="/opt", interpreter=interpreter)

    where = [target.python, target.platform or f"{sys.platform}-{machine.machine()}"]
    key = _digest_inputs([REQUIREMENTS], REQUIREMENTS.parent, *where, *CLIENTS, f"bytecode={bool(interpreter)}")
    return _build_once("layer", key, make)


def build_function(folder: str, target: Target = ON_LAMBDA) -> Path:
    """The asset of `functions/<folder>`: that folder and `functions/shared`, byte-compiled."""
    interpreter = find_interpreter(target.python)

    def make(tree: Path) -> None:
        _copy_sources(folder, tree)
        if interpreter:
            byte_compile(tree, runs_at="/var/task", interpreter=interpreter)

    key = _digest_inputs(_list_sources(folder), ROOT, target.python, f"bytecode={bool(interpreter)}")
    return _build_once(folder, key, make)


def local_function(folder: str) -> Path:
    """The same sources and a `bootstrap` that runs them by this very environment, with AWS's runtime client.

    For the local AWS: its own Python runtimes lose the exception's class, and no Retry or Catch would match.
    """

    def make(tree: Path) -> None:
        _copy_sources(folder, tree)
        bootstrap = tree / "bootstrap"
        bootstrap.write_text(_BOOTSTRAP.format(python=shlex.quote(sys.executable)))
        bootstrap.chmod(0o755)

    return _build_once(f"{folder}-local", _digest_inputs(_list_sources(folder), ROOT, sys.executable), make)


def install_requirements(packages: Path, target: Target) -> None:
    """Install the locked requirements into `packages`. Copies: a link would let `cut` spoil uv's cache."""
    platform = ["--python-platform", target.platform] if target.platform else []
    command = [
        *("pip", "install", "--quiet", "--no-progress", "--link-mode", "copy", "--no-deps"),
        *("--require-hashes", "--only-binary", ":all:", "--requirement", str(REQUIREMENTS)),
        *(
            "--python",
            sys.executable,
            "--python-version",
            target.python,
            *platform,
            "--target",
            str(packages),
        ),
    ]
    done = _run_uv(*command)
    if done.returncode != 0:
        raise BuildError(_why_uv_failed(done.stderr))


def cut_unused(packages: Path) -> None:
    """Remove what no function uses: mostly botocore's data of 430 other services."""
    for pattern in _CUT:
        for path in sorted(packages.glob(pattern)):
            _remove_tree(path)
    data = packages / "botocore" / "data"
    prefixes = set()
    for service in sorted(path for path in data.iterdir() if path.is_dir()):
        if service.name not in CLIENTS:
            _remove_tree(service)
        else:
            *older, newest = sorted(service.iterdir())  # a client is made from the newest version
            for version in older:
                _remove_tree(version)
            prefixes.add(_rewrite_model(newest / "service-2.json.gz"))
    _rewrite_endpoints(data / "endpoints.json", prefixes)


def byte_compile(tree: Path, *, runs_at: str, interpreter: Path) -> None:
    """Compile `tree` so that Lambda trusts the bytecode, and tracebacks name the paths code has there.

    Unchecked: a zip's entries are dated 1980, and ordinary bytecode, which holds its source's date, is then never
    valid.
    """
    command = [
        *(str(interpreter), "-P", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"),
        *("-s", str(tree), "-p", runs_at, str(tree)),
    ]
    # An environment of its own, and a fixed hash seed: the same sources must give the same bytes.
    done = subprocess.run(  # noqa: S603 the interpreter is one that uv or pyenv installed
        command, env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BuildError(f"Byte-compiling for {runs_at} failed:\n{_last_lines(done.stdout + done.stderr)}")


@cache
def find_interpreter(version: str) -> Path | None:
    """A Python of this version to byte-compile with; None, and a warning, where none is to be had."""
    if sys.version.startswith(f"{version}."):
        return Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for candidate in sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True):
        return candidate  # uv sees pyenv's shims only, and they fail unless this version is the chosen one
    found = _run_uv("python", "find", "--no-python-downloads", version)
    if found.returncode != 0:
        fetched = {"UV_PYTHON_INSTALL_DIR": str(BUILD / "python"), "UV_HTTP_RETRIES": "0"}
        _run_uv("python", "install", "--no-bin", version, **fetched)
        found = _run_uv("python", "find", "--no-python-downloads", "--managed-python", version, **fetched)
    if found.returncode == 0:
        return Path(found.stdout.strip())
    sys.stderr.write(
        f"Warning: there is no Python {version} here, and uv could not fetch one. The assets go without "
        "bytecode, so every cold start compiles what it imports and takes three times as long. Install "
        f"Python {version} and synthesise again.\n"
    )
    return None


def _rewrite_model(compressed: Path) -> str:
    """Store a service's model without its prose, which only `help()` shows, and give its endpoints' prefix.

    The prose is three quarters of it, and each cold start parses all. Plain JSON: the layer is zipped as it is.
    """
    model = json.loads(gzip.decompress(compressed.read_bytes()))
    compressed.unlink()
    compressed.with_suffix("").write_text(_compact_json(_without_prose(model)), encoding="utf-8")
    return str(model["metadata"]["endpointPrefix"])


def _without_prose(node: Any) -> Any:
    if isinstance(node, dict):  # a member that is called "documentation" is no text but a shape
        kept = {k: v for k, v in node.items() if k != "documentation" or not isinstance(v, str)}
        return {key: _without_prose(value) for key, value in kept.items()}
    return [_without_prose(value) for value in node] if isinstance(node, list) else node


def _rewrite_endpoints(file: Path, prefixes: set[str]) -> None:
    """Keep the endpoints of these services: every cold start parses the file, and whole it takes 7 MiB of memory."""
    endpoints = json.loads(file.read_text(encoding="utf-8"))
    for partition in endpoints["partitions"]:
        partition["services"] = {k: v for k, v in partition["services"].items() if k in prefixes}
    file.write_text(_compact_json(endpoints), encoding="utf-8")


def _compact_json(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"))


def _build_once(name: str, key: str, make: Callable[[Path], None]) -> Path:
    """The directory for this key, made now if need be; it appears by one rename, whole or not at all."""
    final = BUILD / f"{name}-{key}"
    if final.is_dir():
        return final
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="partial-", dir=BUILD) as scratch:
        tree = Path(scratch) / name
        tree.mkdir()
        make(tree)
        _make_readable(tree)
        try:
            tree.rename(final)
        except OSError:
            if not final.is_dir():  # else another build of the same key came first, with the same content
                raise
    return final


def _digest_inputs(files: Iterable[Path], base: Path, *parameters: str) -> str:
    """A digest of all the result depends on, this module included: a rule changed here is a new asset."""
    digest = hashlib.sha256(json.dumps(parameters).encode())
    for path in (*files, Path(__file__)):
        name = path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name
        digest.update(json.dumps([name, path.stat().st_size]).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def _list_sources(folder: str) -> list[Path]:
    functions = ROOT / "functions"
    if not (functions / folder).is_dir():
        raise BuildError(f"There is no folder functions/{folder} to build an asset from.")
    found = (path for part in ("shared", folder) for path in (functions / part).rglob("*") if path.is_file())
    return [functions / "__init__.py", *sorted(path for path in found if _is_source(path.relative_to(ROOT)))]


def _is_source(path: Path) -> bool:
    return path.suffix != ".pyc" and not any(part.startswith((".", "__pycache__")) for part in path.parts)


def _copy_sources(folder: str, tree: Path) -> None:
    for source in _list_sources(folder):
        copy = tree / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)


def _make_readable(tree: Path) -> None:
    """Give modes Lambda can read, whatever the umask: it runs as another user, and the zip keeps them."""
    tree.chmod(0o755)
    for path in tree.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _remove_tree(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _run_uv(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        raise BuildError(f"uv is neither beside {sys.executable} nor on the PATH: run `make install`.")
    return subprocess.run(  # noqa: S603 uv is the environment's own, its arguments are built here
        [uv, *arguments], env=os.environ | environment, capture_output=True, text=True, check=False
    )


def _why_uv_failed(stderr: str) -> str:
    said = stderr.lower()
    if "hash mismatch" in said:
        advice = (
            f"A package is not the file that requirements/{REQUIREMENTS.name} was locked to. Find out why "
            "before anything else: the index serves something else, or the lock is out of date."
        )
    elif "error sending request" in said or "failed to fetch" in said or "network" in said:
        advice = (
            "The package index could not be reached, and uv's cache does not hold everything: check the "
            "network or the proxy (UV_DEFAULT_INDEX names another index), then run it again."
        )
    else:
        advice = f"uv could not install requirements/{REQUIREMENTS.name}."
    return f"The dependencies layer was not built. {advice}\n{_last_lines(stderr)}"


def _last_lines(text: str, lines: int = 12) -> str:
    return "\n".join(f"  {line}" for line in text.strip().splitlines()[-lines:])
