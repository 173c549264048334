"""What AWS answers of an account with Lambda's ordinary quota."""

from collections.abc import Mapping
from typing import Any, Final

from tests.ops.doctor.recorded import Answer


def grant_concurrency(unreserved: int) -> dict[str, Any]:
    return {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": unreserved}}


HEALTHY: Final[Mapping[str, Answer]] = {"lambda.GetAccountSettings": grant_concurrency(1000)}
