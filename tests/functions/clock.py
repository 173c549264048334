"""Time that passes only where a test says so: how long a function has, and what AWS takes of it."""

from collections.abc import Callable
from dataclasses import dataclass

from botocore.awsrequest import AWSPreparedRequest

from tests.functions.builders import LambdaContext
from tests.functions.wire import Fault
from tools.insides.calls import Answer

# What infra/pipeline/queues.py sets and tests/infra/test_template.py holds to functions/shared/batch.py.
BATCH, TIMEOUT, VISIBILITY_TIMEOUT, DELIVERIES = 5, 70.0, 120.0, 12

LONGEST_TRY = 4.5  # seconds: 1 to connect, 3 to wait for the answer, and a half of the pause between two tries


class Stopped(BaseException):
    """Lambda has stopped the function, which no handler can catch."""


@dataclass
class Clock:
    """Seconds since the test began; `end` is when Lambda stops the function that runs."""

    now: float = 0.0
    end: float = 0.0

    def context(self, seconds: float = TIMEOUT) -> LambdaContext:
        """Begin an invocation that may take so long."""
        self.end = self.now + seconds
        return LambdaContext(time_left=lambda: self.end - self.now)

    def takes(self, seconds: float, fault: Fault | None = None) -> Fault:
        """Let a request take so long; then it is answered, or has this fault."""

        def slow(request: AWSPreparedRequest, answer: Callable[[], Answer]) -> Answer:
            self.now += seconds
            if self.now > self.end:
                raise Stopped
            return fault(request, answer) if fault else answer()

        return slow
