"""How many processes of each function the local AWS runs at once.

One limit for all functions lets the steps of the first orders crowd out the starter, whose throttled batches then
sleep for the queue's visibility timeout. Its CloudFormation ignores `ReservedConcurrentExecutions`, so that the
template cannot say it.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

PROCESSES_A_FUNCTION: Final = 4  # more cold starts at once would choke two cores


def limit_each_function(client: "LambdaClient") -> None:
    """Give each function a limit of its own; `client` is Lambda's.

    Not ReleaseAbandoned: the local EventBridge drops a call that is throttled, which AWS's makes again for a day.
    """
    for page in client.get_paginator("list_functions").paginate():
        for name in (function["FunctionName"] for function in page["Functions"]):
            if "ReleaseAbandoned" not in name:
                client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=PROCESSES_A_FUNCTION)
