"""Limits the calls of this command line to Step Functions, so that watching never starves the orders.

AWS refills each operation's allowance per account and Region, in the smaller Regions by so many calls a second:
ListExecutions 2 (5 in us-east-1, us-west-2 and eu-west-1), DescribeExecution 10 (15), GetExecutionHistory 20.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html#service-limits-api-action-throttling-general
The starter needs DescribeExecution too. So half of the smaller figure is the most that is ever used here.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import Final

CALLS_A_SECOND: Final = {"list_executions": 1.0, "describe_execution": 5.0, "get_execution_history": 5.0}
AT_ONCE: Final = 20  # calls after a rest; the smallest of AWS's own buckets holds 100


class Pace:
    """Lets calls through at the rate of their operation; may be shared by threads."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._pause = pause
        self._lock = Lock()
        self._left = dict.fromkeys(CALLS_A_SECOND, float(AT_ONCE))
        self._at = dict.fromkeys(CALLS_A_SECOND, clock())

    def wait(self, operation: str) -> None:
        """Return when a call of this operation may be made, and count it as made."""
        with self._lock:
            self._refill_tokens(operation)
            self._left[operation] -= 1
            owed = -self._left[operation] / CALLS_A_SECOND[operation]
        if owed > 0:
            self._pause(owed)

    def ready(self, operation: str) -> int:
        """Say how many calls of this operation may be made without a wait."""
        with self._lock:
            self._refill_tokens(operation)
            return max(0, int(self._left[operation]))

    def _refill_tokens(self, operation: str) -> None:
        now = self._clock()
        gained = (now - self._at[operation]) * CALLS_A_SECOND[operation]
        self._left[operation] = min(float(AT_ONCE), self._left[operation] + gained)
        self._at[operation] = now
