"""How many processes of each function the local AWS runs at once.

One limit for all functions lets the steps of the first orders crowd out the starter, whose throttled batches then
sleep for the queue's visibility timeout. Its CloudFormation ignores `ReservedConcurrentExecutions`, so that the
template cannot say it.
"""

from typing import Any, Final

PROCESSES_A_FUNCTION: Final = 4  # more cold starts at once would choke two cores


def limit_each_function(client: Any) -> None:
    """Give each function a limit of its own; `client` is Lambda's."""
    for page in client.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            client.put_function_concurrency(
                FunctionName=function["FunctionName"], ReservedConcurrentExecutions=PROCESSES_A_FUNCTION
            )
