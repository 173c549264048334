"""What probes rest on: asked with that and no more, each has an answer."""

import pytest

from ops.doctor.catalogue import make_placing
from ops.doctor.placing.placed_run import Run
from ops.doctor.probe import Probe, Verdict
from tests.ops.doctor.healthy_placing import examine_run

PLACING = make_placing(Run())


@pytest.mark.parametrize("probe", PLACING, ids=lambda probe: probe.id)
def test_a_probe_with_what_it_rests_on_has_an_answer(probe: Probe) -> None:
    examined = examine_run(*probe.rests_on, probe.id)
    assert {id_: one.verdict for id_, one in examined.items()} == dict.fromkeys((*probe.rests_on, probe.id), Verdict.OK)


@pytest.mark.parametrize("probe", PLACING, ids=lambda probe: probe.id)
def test_what_a_probe_rests_on_is_asked_before_it_and_is_named_as_a_whole(probe: Probe) -> None:
    before = {one.id: one for one in PLACING[: PLACING.index(probe)]}
    assert {*probe.rests_on} <= before.keys()
    assert {deeper for id_ in probe.rests_on for deeper in before[id_].rests_on} <= {*probe.rests_on}


def test_the_second_publication_and_the_metrics_rest_on_an_order() -> None:
    assert {probe.id: probe.rests_on for probe in PLACING if "B1" in probe.rests_on} == {
        "B6": ("B0", "B1"),
        "B8": ("B0", "B1"),
    }
