"""Every probe, by when it is asked."""

from typing import Final

from ops.doctor import alarm_metrics, audit_trail, deployed_versions, event_patterns, key_policy, log_delivery
from ops.doctor.probe import Probe

# Before the first deploy of a stage: they need no stack.
BEFORE: Final[tuple[Probe, ...]] = ()
# They look, and change nothing.
LOOKS: Final[tuple[Probe, ...]] = (
    *deployed_versions.PROBES,
    *key_policy.PROBES,
    *audit_trail.PROBES,
    *event_patterns.PROBES,
    *log_delivery.PROBES,
    *alarm_metrics.PROBES,
)
