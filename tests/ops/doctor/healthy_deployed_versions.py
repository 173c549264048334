"""What AWS answers of a stack whose aliases are where it put them."""

from collections.abc import Mapping
from typing import Any, Final

from tests.ops.doctor.healthy_stack import HEALTHY as STACK
from tests.ops.doctor.healthy_stack import MACHINE, NAME, NOW
from tests.ops.doctor.recorded import Answer


def describe_stack(status: str = "UPDATE_COMPLETE", name: str = NAME, **more: Any) -> dict[str, Any]:
    return {"Stacks": [{"StackName": name, "CreationTime": NOW, "StackStatus": status, **more}]}


def route_executions(**weights: int) -> dict[str, Any]:
    """Route executions as in v42=100."""
    return {
        "routingConfiguration": [
            {"stateMachineVersionArn": f"{MACHINE}:{version[1:]}", "weight": weight}
            for version, weight in weights.items()
        ]
    }


def list_versions(*numbers: int) -> dict[str, Any]:
    return {"Versions": [{"Version": "$LATEST"}, *({"Version": str(number)} for number in numbers)]}


HEALTHY: Final[Mapping[str, Answer]] = {
    **STACK,
    "cloudformation.DescribeStacks": lambda asked: describe_stack(
        name=asked["StackName"], EnableTerminationProtection=True
    ),
    "stepfunctions.DescribeStateMachineAlias": route_executions(v42=100),
    "lambda.GetAlias": {"FunctionVersion": "7"},
    "lambda.ListVersionsByFunction": list_versions(6, 7),
}
