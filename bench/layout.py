"""The files as Lambda has them, and as a plain `pip install` leaves them, for a Python of this machine."""

import subprocess
import sys
import zipfile
from dataclasses import dataclass
from os import utime
from pathlib import Path
from time import mktime

from bench.handlers import HANDLERS
from infra.assets import build

ISOLATED = ("-I", "-S", "-B")
"""No environment, no site-packages, and no bytecode written, which Lambda's file system would refuse."""

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # what CDK dates every entry
_UNZIPPED = mktime((*_ZIP_EPOCH, 0, 0, -1))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where things are: an interpreter, each function's asset, the layer's packages, and the stock packages."""

    interpreter: Path
    python: str
    assets: dict[str, Path]
    packages: Path
    stock: Path


def lay_out(directory: Path) -> Layout:
    """Build, zip and unzip everything below `directory`."""
    interpreter = build.find_interpreter(build.LAMBDA_PYTHON) or Path(sys.executable)
    python = _run(interpreter, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    here = build.Target(python=python, platform=None)
    return Layout(
        interpreter=interpreter,
        python=python,
        assets={h.folder: _unpack_archive(build.build_function(h.folder, here), directory) for h in HANDLERS},
        packages=_unpack_archive(build.build_layer(here), directory) / "python",
        stock=_install_stock(directory / "stock", here, interpreter),
    )


def zip_tree(tree: Path, archive: Path) -> Path:
    """Zip a directory as CDK does: sorted, dated 1980, compressed as far as it goes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(tree)), _ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, path.read_bytes())
    return archive


def _unpack_archive(tree: Path, directory: Path) -> Path:
    """Zip and unzip it; every time is then 1980's, and nothing can be written, as below /var/task and /opt."""
    unzipped = directory / tree.name
    with zipfile.ZipFile(zip_tree(tree, directory / f"{tree.name}.zip")) as file:
        file.extractall(unzipped)
    for path in (*unzipped.rglob("*"), unzipped):
        utime(path, (_UNZIPPED, _UNZIPPED))
        path.chmod(0o555 if path.is_dir() else 0o444)
    return unzipped


def _install_stock(packages: Path, target: build.Target, interpreter: Path) -> Path:
    """Install the same wheels whole, with the ordinary bytecode that pip makes."""
    build.install_requirements(packages, target)
    _run(interpreter, "-m", "compileall", "-q", str(packages))
    return packages


def _run(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
