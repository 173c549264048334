"""`make audit`: 0 is checked and clean, 1 a known vulnerability, 3 not (or not all) checked."""

import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from infra.paths import ROOT
from ops.terminal.working import make_visible, show_working
from tools.audit.outcome import AuditOutcome, AuditVerdict
from tools.audit.tools import TOOLS, npm_packages, python_packages, write_bill_of_materials

_REASONS_SHOWN = 3
_IN_WORDS = {
    AuditVerdict.CLEAN: "[green]checked[/]: no known vulnerability",
    AuditVerdict.VULNERABLE: "[red]VULNERABLE[/]: see above",
    AuditVerdict.NOT_CHECKED: "[yellow]NOT CHECKED[/]: an advisory service did not answer for the packages named above."
    " Run this again from where it can be reached",
}


def main(
    console: Console | None = None, *, tools: Path = TOOLS, bill: Path = ROOT / ".build" / "sbom.json"
) -> AuditVerdict:
    """Write the bill of materials, check every locked list, say what came out."""
    console = console or Console(highlight=False, soft_wrap=True)
    components = write_bill_of_materials(bill, tools=tools)
    where = bill.relative_to(ROOT) if bill.is_relative_to(ROOT) else bill
    console.print(escape(f"bill of materials of what is deployed: {where} (CycloneDX, {components} components)"))
    outcomes = []
    for requirements in ("functions.txt", "dev.txt"):
        with show_working(console, f"requirements/{requirements}: asking for known vulnerabilities"):
            outcomes.append(python_packages(ROOT / "requirements" / requirements, tools=tools))
        _report_outcome(console, outcomes[-1])
    with show_working(console, "package-lock.json: asking for known vulnerabilities"):
        outcomes.append(npm_packages(tools=tools))
    _report_outcome(console, outcomes[-1])
    verdict = AuditVerdict.of_all(outcomes)
    console.print(_IN_WORDS[verdict])
    return verdict


def _report_outcome(console: Console, outcome: AuditOutcome) -> None:
    if outcome.checked:
        left = f"; {len(outcome.not_checked)} NOT CHECKED" if outcome.not_checked else ""
        found = f"{outcome.checked} packages checked, {len(outcome.vulnerabilities)} with known vulnerabilities{left}"
    else:
        found = "NOTHING CHECKED"
    console.print(escape(f"  {outcome.what}: {found}"))
    for line in outcome.vulnerabilities:
        console.print(escape(f"    {make_visible(line)}"))
    for reason in outcome.not_checked[:_REASONS_SHOWN]:
        console.print(escape(f"    not checked: {make_visible(reason)}"))
    if more := outcome.not_checked[_REASONS_SHOWN:]:
        console.print(f"    … and {len(more)} more")


if __name__ == "__main__":
    sys.exit(main())
