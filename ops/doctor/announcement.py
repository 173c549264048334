"""Says which alarms a probe may fire before it is asked, so that nobody is called for nothing."""

from collections.abc import Iterable
from typing import Final

# By the probe's id, the alarms as docs/runbooks/ calls them. An alarm looks at five minutes: whether what a probe does
# falls into one of them, and is seen before it is cleared away, is chance.
ALARMS: Final = {
    "D1": ("FunctionsFailing", "OrdersNotFlowing", "ReleaseDlqNotEmpty"),
    "D2": ("ReleaseDlqNotEmpty",),
    "D3": ("MailEventDlqNotEmpty",),
    "R1": ("StepsFailing", "OrdersNotFlowing"),
    "R1c": ("FunctionsFailing", "OrdersNotFlowing"),
}


def announce_alarms(probe_ids: Iterable[str]) -> str | None:
    """Say which alarms these probes may fire; None if none."""
    firing = dict.fromkeys(alarm for id_ in probe_ids for alarm in ALARMS.get(id_, ()))
    return f"these alarms may fire, and clear within some minutes: {', '.join(firing)}" if firing else None
