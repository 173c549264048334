"""Every probe, by when it is asked."""

from collections.abc import Callable
from typing import Final

from ops.doctor.breaking import broken_on_purpose, role_rights
from ops.doctor.looking import (
    alarm_metrics,
    alarm_notices,
    audit_trail,
    deployed_versions,
    event_patterns,
    first_deploy,
    key_policy,
    log_delivery,
    mail_sending,
    protection,
    quotas,
)
from ops.doctor.patience import Patience
from ops.doctor.placing import counted_run, fired_alarms, placed_orders, refused_message, stopped_order
from ops.doctor.placing.placed_run import Run
from ops.doctor.probe import Probe
from ops.doctor.rollout import gradual_shift
from ops.stack import Aws

# Before the first deploy of a stage: they need no stack.
BEFORE: Final[tuple[Probe, ...]] = (*first_deploy.PROBES,)
# They look, and change nothing.
LOOKS: Final[tuple[Probe, ...]] = (
    *deployed_versions.PROBES,
    *mail_sending.PROBES,
    *quotas.PROBES,
    *key_policy.PROBES,
    *audit_trail.PROBES,
    *protection.PROBES,
    *event_patterns.PROBES,
    *log_delivery.PROBES,
    *alarm_notices.PROBES,
    *alarm_metrics.PROBES,
)


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


def make_deep(
    patience: Patience, warn: Callable[[str], None], *, patient: bool = True, stranger: Aws | None = None
) -> tuple[Probe, ...]:
    """Give those that break something on purpose, and the one that asks what each function may do."""
    broken = broken_on_purpose.make_deep(patience, warn, patient=patient, stranger=stranger)
    return tuple(sorted((*broken, *role_rights.DEEP_LOOKS), key=lambda probe: probe.id))


def make_rollout(patience: Patience, warn: Callable[[str], None]) -> tuple[Probe, ...]:
    """Give those that follow a deploy which a person starts beside them."""
    return gradual_shift.make_rollout(patience, warn)
