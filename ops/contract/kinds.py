"""The kinds of values that the commands' JSON is made of, beside Python's own: each with a rule of JSON Schema.

`python -m tools.schemas` makes the schemas of the classes that hold them.
"""

from typing import Annotated

Count = Annotated[int, ("minimum", 0)]
Positive = Annotated[int, ("minimum", 1)]
Seconds = Annotated[float, ("minimum", 0)]
ExecutionStatus = Annotated[
    str, ("enum", ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"))
]
