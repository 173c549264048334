"""The audit: its exit code tells "clean" from "not looked at", whatever the tools' own exit codes say."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from infra.paths import ROOT
from tools.audit.__main__ import main
from tools.audit.tools import TOOLS

CLEAN = {"name": "jinja2", "version": "3.1.6", "vulns": []}
SKIPPED = {"name": "boto3", "skip_reason": "Dependency not found on PyPI and could not be audited: boto3 (1.43.106)"}
VULNERABLE = {
    "name": "urllib3",
    "version": "2.8.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2.8.1"], "aliases": [], "description": "bad"}],
}
NPM_CLEAN = {"vulnerabilities": {}, "metadata": {"dependencies": {"total": 3}}}
NPM_VULNERABLE = {
    "vulnerabilities": {"aws-cdk": {"range": "<3", "severity": "high"}},
    "metadata": {"dependencies": {"total": 3}},
}

Audit = Callable[..., tuple[int, str]]


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """Runs the audit with tools that say what is given and end with that code, whatever they are asked.

    But for the bill of materials, which takes seconds and no network: its own tool writes it where a test wants it.
    """

    def stand_in(name: str, says: str, complains: str, code: int) -> None:
        script = (
            f"#!{sys.executable}\nimport sys\n"
            f"sys.stdout.write({says!r})\nsys.stderr.write({complains!r})\nsys.exit({code})\n"
        )
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)

    def run(
        *packages: Any, npm: Any = NPM_CLEAN, code: int = 0, says: str | None = None, bill: bool = False
    ) -> tuple[int, str]:
        report = json.dumps({"dependencies": packages, "fixes": []}) if says is None else says
        stand_in("pip-audit", report, "some warning\nthe last line\n", code)
        stand_in("npm", json.dumps(npm), "", 1)
        if bill:
            (tmp_path / "cyclonedx-py").symlink_to(TOOLS / "cyclonedx-py")
        else:
            stand_in("cyclonedx-py", "", "", 0)
            (tmp_path / "sbom.json").write_text('{"components": []}')
        printed = io.StringIO()
        verdict = main(Console(file=printed, width=200), tools=tmp_path, bill=tmp_path / "sbom.json")
        return int(verdict), printed.getvalue()

    return run


def test_checked_and_clean_is_0(audit: Audit) -> None:
    code, says = audit(CLEAN)
    assert code == 0
    assert "no known vulnerability" in says
    assert "NOT CHECKED" not in says


def test_a_known_vulnerability_is_1_and_says_where_it_is_fixed(audit: Audit) -> None:
    code, says = audit(CLEAN, VULNERABLE, code=1)
    assert code == 1
    assert "urllib3 2.8.0: PYSEC-2026-1 (fixed in 2.8.1)" in says


def test_a_known_vulnerability_is_1_also_where_others_could_not_be_checked(audit: Audit) -> None:
    assert audit(VULNERABLE, SKIPPED)[0] == 1


def test_a_package_nobody_could_look_up_is_no_clean_one(audit: Audit) -> None:
    """pip-audit itself ends with 0 then, and says that no known vulnerabilities were found."""
    code, says = audit(CLEAN, SKIPPED)
    assert code == 3
    assert "NOT CHECKED: an advisory service did not answer" in says
    assert "boto3 (1.43.106)" in says


@pytest.mark.parametrize(
    "says",
    ["", "Traceback (most recent call last):", "[]", '{"message": "no"}', '{"dependencies": [], "fixes": []}'],
)
def test_an_advisory_service_that_is_out_of_reach_is_3(audit: Audit, says: str) -> None:
    code, printed = audit(says=says, code=1)
    assert code == 3
    assert "requirements/functions.txt: NOTHING CHECKED" in printed


def test_why_nothing_was_checked_is_told(audit: Audit) -> None:
    assert "not checked: the last line" in audit(says="")[1]


def test_npm_packages_are_checked_as_well(audit: Audit) -> None:
    code, says = audit(CLEAN, npm=NPM_VULNERABLE)
    assert code == 1
    assert "aws-cdk <3: high" in says


def test_an_npm_registry_without_advisories_is_3(audit: Audit) -> None:
    code, says = audit(CLEAN, npm={"message": "405 Method Not Allowed", "statusCode": 405})
    assert code == 3
    assert "package-lock.json: NOTHING CHECKED" in says
    assert "405 Method Not Allowed" in says


def test_the_bill_of_materials_lists_what_the_layer_holds_with_its_hashes(audit: Audit, tmp_path: Path) -> None:
    assert audit(SKIPPED, bill=True)[0] == 3, "written all the same"
    bill = json.loads((tmp_path / "sbom.json").read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "order-processing")
    locked = (ROOT / "requirements" / "functions.txt").read_text()
    pinned = {line.split()[0].split(";")[0] for line in locked.splitlines() if "==" in line.split(" ")[0]}
    assert {f"{component['name']}=={component['version']}" for component in bill["components"]} == pinned
    hashes = {
        found["content"] for c in bill["components"] for ref in c["externalReferences"] for found in ref["hashes"]
    }
    assert hashes
    assert all(f"sha256:{found}" in locked for found in hashes)
