"""Every probe, by when it is asked."""

from typing import Final

from ops.doctor import alarm_notices, deployed_versions, first_deploy, mail_sending, protection, quotas
from ops.doctor.probe import Probe

# Before the first deploy of a stage: they need no stack.
BEFORE: Final[tuple[Probe, ...]] = (*first_deploy.PROBES,)
# They look, and change nothing.
LOOKS: Final[tuple[Probe, ...]] = (
    *deployed_versions.PROBES,
    *mail_sending.PROBES,
    *quotas.PROBES,
    *alarm_notices.PROBES,
    *protection.PROBES,
)
