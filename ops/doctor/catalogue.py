"""Every probe, by when it is asked."""

from typing import Final

from ops.doctor import (
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
from ops.doctor.probe import Probe

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
