"""`make install` goes into this folder, whatever a shell holds for other projects, and fetches as the shell says."""

# ruff: noqa: S603 - the program run here is make

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from infra.paths import ROOT

LEADING_ASTRAY = (
    *("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PIP_DRY_RUN", "PIP_NO_DEPS"),
    *("PIP_PYTHON", "PIP_CONSTRAINT", "PIP_IGNORE_INSTALLED", "PIP_NO_BINARY"),
    *("UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON", "UV_PYTHON", "UV_TARGET", "UV_PREFIX", "UV_NO_BINARY"),
    *("UV_EXCLUDE_NEWER", "UV_OVERRIDE", "UV_CONSTRAINT", "UV_DRY_RUN"),
    *(
        "npm_config_prefix",
        "npm_config_omit",
        "npm_config_global",
        "npm_config_ignore_scripts",
        "npm_config_production",
    ),
    *("NPM_CONFIG_PREFIX", "NPM_CONFIG_OMIT", "npm_config_dry_run", "npm_config_location", "npm_config_ignore_scripts"),
    *("Npm_Config_Global", "NPM_config_omit", "npm_config_Bin-Links", "npm_config_bin_links"),
    *("NODE_ENV", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"),
)
HOW_TO_FETCH = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST", "PIP_CERT", "PIP_CONFIG_FILE"),
    *("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_COMPANY_USERNAME", "UV_FIND_LINKS", "UV_SYSTEM_CERTS"),
    *("npm_config_registry", "NPM_CONFIG_REGISTRY", "npm_config_cafile", "npm_config_https_proxy", "npm_config__auth"),
    *("npm_config_//registry.example/:_authToken", "npm_config_@company:registry", "npm_config_userconfig"),
    *("Npm_Config_Registry", "npm_config_NoProxy", "npm_config_strict-ssl", "npm_config_fetch_retries"),
    *("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "HTTPS_PROXY", "NO_PROXY"),
)


def recipes_see(folder: Path, **shell: str) -> dict[str, str]:
    """Give the environment of the Makefile's recipes in such a shell."""
    probe = folder / "probe.mk"
    probe.write_text("probe:\n\t@env -0\n", encoding="utf-8")
    command = ["make", "-s", "-C", str(ROOT), "--no-print-directory", "-f", "Makefile", "-f", str(probe), "probe"]
    seen = subprocess.run(command, env={"PATH": os.environ["PATH"], **shell}, capture_output=True, check=True).stdout
    return dict(line.split("=", 1) for line in seen.decode().split("\0") if line)


def test_each_folder_whose_coverage_is_measured_has_a_floor() -> None:
    (floors,) = re.findall(r"^FLOORS := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    measured = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["coverage"]["run"]["source"]
    assert sorted(floor.partition("=")[0] for floor in floors.split()) == sorted(measured)


def test_no_setting_of_another_project_reaches_the_installation(tmp_path: Path) -> None:
    seen = recipes_see(tmp_path, HOME=str(tmp_path), **dict.fromkeys(LEADING_ASTRAY, "/elsewhere"))
    assert set(LEADING_ASTRAY) & seen.keys() == set()


def test_from_where_and_how_to_fetch_is_the_shells_to_say(tmp_path: Path) -> None:
    seen = recipes_see(tmp_path, HOME=str(tmp_path), **dict.fromkeys(HOW_TO_FETCH, "https://company.example"))
    assert {name: seen.get(name) for name in HOW_TO_FETCH} == dict.fromkeys(HOW_TO_FETCH, "https://company.example")


@pytest.mark.parametrize("shell", [{"HOME": "/dev/null/nobody"}, {}])
def test_without_a_home_to_write_to_the_caches_are_in_this_folder(tmp_path: Path, shell: dict[str, str]) -> None:
    seen = recipes_see(tmp_path, **shell)
    for name in ("PIP_CACHE_DIR", "UV_CACHE_DIR", "npm_config_cache", "JSII_RUNTIME_PACKAGE_CACHE_ROOT"):
        assert seen[name].startswith(f"{ROOT}/.build/"), name


def test_with_a_home_the_caches_are_where_they_always_are(tmp_path: Path) -> None:
    seen = recipes_see(tmp_path, HOME=str(tmp_path))
    assert not {"PIP_CACHE_DIR", "UV_CACHE_DIR", "npm_config_cache"} & seen.keys()
    assert recipes_see(tmp_path, HOME="/dev/null/nobody", UV_CACHE_DIR="/chosen")["UV_CACHE_DIR"] == "/chosen"


@pytest.mark.parametrize(
    ("stamp", "refusal"),
    [(".venv/.installed", "See uv.toml"), ("node_modules/.installed", "(.npmrc) for bin-links")],
)
def test_what_was_installed_elsewhere_counts_as_not_installed(tmp_path: Path, stamp: str, refusal: str) -> None:
    """As settings files of uv and npm can have it: their commands succeed, and nothing of it is here."""
    for name in ("Makefile", "requirements/bootstrap.txt", "requirements/dev.txt", "package.json", "package-lock.json"):
        put(tmp_path / name, (ROOT / name).read_text(encoding="utf-8"))
    put(tmp_path / ".npmrc", "")
    for tool in ("uv", "npm"):
        put(tmp_path / ".venv/bin" / tool, "#!/bin/sh\n")
    put(tmp_path / ".venv/bin/python", '#!/bin/sh\ncase "$*" in *boto3*) exit 1; esac\n')
    if stamp.startswith("node_modules"):
        put(tmp_path / ".venv/.installed", "")
    command = ["make", "-C", str(tmp_path), stamp]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode != 0
    assert refusal in made.stderr
    assert not (tmp_path / stamp).exists()


def put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
