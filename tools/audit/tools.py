"""The tools, run as processes, and their reports read with suspicion: an empty one may be one that nobody answered."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.paths import ROOT
from tools.audit.outcome import AuditOutcome

TOOLS = Path(sys.executable).parent
_TIMEOUT_SECONDS = 600


def python_packages(requirements: Path, *, tools: Path = TOOLS) -> AuditOutcome:
    """Hold a locked, hashed list against PyPI's advisories, by pip-audit; nothing is resolved or installed."""
    what = str(requirements.relative_to(ROOT))
    command = [str(tools / "pip-audit"), "--requirement", str(requirements), "--require-hashes", "--disable-pip"]
    said, complaint = _run_tool([*command, "--format", "json", "--progress-spinner", "off"])
    report = _load_json(said)
    if "dependencies" not in report:
        return AuditOutcome(what=what, checked=0, not_checked=(complaint,))
    packages = report["dependencies"]
    # pip-audit ends with 0 and "No known vulnerabilities found" when it could not look a single package up.
    skipped = [package for package in packages if "skip_reason" in package]
    return AuditOutcome(
        what=what,
        checked=len(packages) - len(skipped),
        vulnerabilities=tuple(_python_vulnerability(package) for package in packages if package.get("vulns")),
        not_checked=tuple(package["skip_reason"] for package in skipped),
    )


def npm_packages(*, tools: Path = TOOLS) -> AuditOutcome:
    """Hold package-lock.json against the npm registry's advisories."""
    said, complaint = _run_tool([str(tools / "npm"), "audit", "--json", "--no-update-notifier"])
    report = _load_json(said)
    if "vulnerabilities" not in report:
        return AuditOutcome(what="package-lock.json", checked=0, not_checked=(report.get("message") or complaint,))
    return AuditOutcome(
        what="package-lock.json",
        checked=report["metadata"]["dependencies"]["total"],
        vulnerabilities=tuple(
            f"{name} {found['range']}: {found['severity']}" for name, found in sorted(report["vulnerabilities"].items())
        ),
    )


def write_bill_of_materials(target: Path, *, tools: Path = TOOLS) -> int:
    """Write the CycloneDX JSON of what the layer holds, the same bytes for the same list; return its components."""
    target.parent.mkdir(parents=True, exist_ok=True)
    requirements, project = ROOT / "requirements" / "functions.txt", ROOT / "pyproject.toml"
    command = [str(tools / "cyclonedx-py"), "requirements", str(requirements), "--pyproject", str(project)]
    _, complaint = _run_tool([*command, "--output-reproducible", "--output-file", str(target)])
    if not target.exists():
        raise RuntimeError(f"cyclonedx-py wrote nothing: {complaint}")
    return len(_load_json(target.read_text(encoding="utf-8"))["components"])


def _python_vulnerability(package: Mapping[str, Any]) -> str:
    found = ", ".join(
        f"{vulnerability['id']} (fixed in {' or '.join(vulnerability['fix_versions']) or 'no version yet'})"
        for vulnerability in package["vulns"]
    )
    return f"{package['name']} {package['version']}: {found}"


def _run_tool(command: Sequence[str]) -> tuple[str, str]:
    """Return what a tool said, and in one line why it may have said nothing. Exit codes tell too little to be read."""
    try:
        done = subprocess.run(  # noqa: S603 the environment's own tools, on files of this project
            command, cwd=ROOT, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"{Path(command[0]).name}: {error}"
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return done.stdout, lines[-1] if lines else f"{Path(command[0]).name} ended with exit code {done.returncode}"


def _load_json(text: str) -> dict[str, Any]:
    try:
        report = json.loads(text)
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}
