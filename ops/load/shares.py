"""How many of the local AWS's functions run at once when many orders come.

One limit for all of them lets the steps of the first orders crowd out the starter, whose refused batches the emulator
then keeps out of sight for the queue's visibility timeout of two minutes.
"""

from types import MappingProxyType
from typing import Final

from ops.local_aws import LocalAws

SHARE: Final = 4  # of each function: more cold starts at once would choke two cores
EACH_ITS_SHARE: Final = MappingProxyType({"LAMBDA_ACCOUNT_CONCURRENCY": "0"})  # for `LocalAws.start`: no common limit


def share_out(aws: LocalAws) -> None:
    """Give each function its share."""
    client = aws.client("lambda")
    for page in client.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            client.put_function_concurrency(FunctionName=function["FunctionName"], ReservedConcurrentExecutions=SHARE)
