"""Every probe, by when it is asked."""

from typing import Final

from ops.doctor import (
    counted_run,
    deployed_versions,
    fired_alarms,
    placed_orders,
    refused_message,
    stopped_order,
)
from ops.doctor.placing import Run
from ops.doctor.probe import Probe

# Before the first deploy of a stage: they need no stack.
BEFORE: Final[tuple[Probe, ...]] = ()
# They look, and change nothing.
LOOKS: Final[tuple[Probe, ...]] = (*deployed_versions.PROBES,)


def make_placing(run: Run, *, patient: bool = True) -> tuple[Probe, ...]:
    """Give those that place orders of their own in a run; the first puts the stock there that others need.

    The metrics, which come minutes later, are for the patient.
    """
    made = (
        *placed_orders.make_probes(run),
        *refused_message.make_probes(run),
        *stopped_order.make_probes(run),
        *fired_alarms.make_probes(run),
        *(counted_run.make_probes(run) if patient else ()),
    )
    return tuple(sorted(made, key=lambda probe: probe.id))
