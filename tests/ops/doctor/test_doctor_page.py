"""The page of the doctor: its tables hold every probe, with what it finds out, and what each mode may do."""

import re
from pathlib import Path

import pytest

from local.aws import ROOT
from ops.doctor.announcement import ALARMS
from ops.doctor.catalogue import BEFORE, LOOKS, make_deep, make_placing, make_rollout
from ops.doctor.patience import Patience
from ops.doctor.placing.placed_run import Run
from ops.doctor.probe import Probe
from tests.ops.doctor.recorded import RecordedAws

PAGE = (ROOT / "docs/doctor.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| ([A-Z][0-9]+[a-z]?) \| (.*) \|$", PAGE, re.MULTILINE))
DEEP = make_deep(Patience(), print, patient=True, stranger=RecordedAws({}))
ROLLOUT = make_rollout(Patience(), print)
PROBES = {probe.id: probe for probe in (*BEFORE, *LOOKS, *make_placing(Run()), *DEEP, *ROLLOUT)}
RUNBOOKS = [page for page in sorted((ROOT / "docs/runbooks").glob("*.md")) if page.stem != "README"]


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_the_page_says_what_a_probe_finds_out(probe: Probe) -> None:
    assert ROWS[probe.id] == probe.asks


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_what_explains_a_probe_is_there(probe: Probe) -> None:
    assert (ROOT / "docs" / probe.page.partition("#")[0]).is_file()


@pytest.mark.parametrize("probe", [*DEEP, *ROLLOUT], ids=lambda probe: probe.id)
def test_the_page_names_each_permission_beyond_looking(probe: Probe) -> None:
    changes = {action for action in probe.actions if not re.search(":(Describe|Get|List)", action)}
    assert {action for action in changes if f"`{action}`" not in PAGE} == set()


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda page: page.stem)
def test_each_runbook_names_the_probes_that_look_at_its_cause(runbook: Path) -> None:
    (named,) = re.findall(r"`orders doctor((?: A[0-9]+)*)` asks AWS", runbook.read_text("utf-8"))
    assert {*named.split()} <= {probe.id for probe in LOOKS}


def test_the_page_has_every_probe_and_no_other() -> None:
    assert set(ROWS) == set(PROBES)


def test_every_alarm_that_may_fire_has_a_runbook_and_its_probe_is_named() -> None:
    for id_, alarms in ALARMS.items():
        assert id_ in PROBES
        assert f"{id_}" in PAGE.partition("**Alarms.**")[2].partition("\n\n")[0]
        assert [alarm for alarm in alarms if not (ROOT / f"docs/runbooks/{alarm}.md").is_file()] == []
