"""The aliases whose traffic a deploy shifts: the workflow's and the functions'."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ops.doctor.subject import Subject
from ops.shell import quote_command

Routing = Mapping[str, float]
"""The versions that an alias sends calls to, by their numbers, and the percentage of each."""


class Alias(Protocol):
    """An alias; its versions are numbers, of which a later one is higher."""

    @property
    def name(self) -> str:
        """Whose alias it is, for a person."""

    def read_routing(self) -> Routing:
        """Ask where it points."""

    def list_versions(self) -> list[str]:
        """List the versions there are, the newest first."""

    def move(self, version: str) -> None:
        """Point it to this version alone, at once."""

    def write_move(self, version: str) -> str:
        """Give the command that does so."""


@dataclass(frozen=True)
class WorkflowAlias:
    """The state machine's."""

    subject: Subject
    name: str = "the workflow"

    @property
    def _arn(self) -> str:
        return self.subject.find_resource("AWS::StepFunctions::StateMachineAlias").physical_id

    @property
    def _machine(self) -> str:
        return self._arn.rpartition(":")[0]

    def read_routing(self) -> Routing:
        """Ask where it points."""
        return read_machine_routing(self.subject, self._arn)

    def list_versions(self) -> list[str]:
        """List the versions there are, the newest first; the newest thousand are enough."""
        client = self.subject.stack.client("stepfunctions")
        found = client.list_state_machine_versions(stateMachineArn=self._machine, maxResults=1000)
        numbers = [one["stateMachineVersionArn"].rpartition(":")[2] for one in found["stateMachineVersions"]]
        return sorted(numbers, key=int, reverse=True)

    def move(self, version: str) -> None:
        """Point it to this version alone, at once."""
        self.subject.stack.client("stepfunctions").update_state_machine_alias(
            stateMachineAliasArn=self._arn,
            routingConfiguration=[{"stateMachineVersionArn": f"{self._machine}:{version}", "weight": 100}],
        )

    def write_move(self, version: str) -> str:
        """Give the command that does so."""
        route = {"stateMachineVersionArn": f"{self._machine}:{version}", "weight": 100}
        asked = {"stateMachineAliasArn": self._arn, "routingConfiguration": [route]}
        return quote_command(
            f"aws --region {self.subject.stack.region} stepfunctions update-state-machine-alias --cli-input-json",
            json.dumps(asked),
        )


@dataclass(frozen=True)
class FunctionAlias:
    """A function's, by the beginning of the function's logical id."""

    subject: Subject
    construct: str
    name: str

    @property
    def _parameters(self) -> dict[str, str]:
        arn = self.subject.find_resource("AWS::Lambda::Alias", f"{self.construct}Live").physical_id
        function, _, alias = arn.rpartition(":")
        return {"FunctionName": function.rpartition(":")[2], "Name": alias}

    def read_routing(self) -> Routing:
        """Ask where it points."""
        return read_function_routing(self.subject, self._parameters["FunctionName"], self._parameters["Name"])

    def list_versions(self) -> list[str]:
        """List the versions there are, the newest first."""
        pages = (
            self.subject.stack.client("lambda")
            .get_paginator("list_versions_by_function")
            .paginate(FunctionName=self._parameters["FunctionName"])
        )
        numbers = [found["Version"] for page in pages for found in page["Versions"] if found["Version"].isdecimal()]
        return sorted(numbers, key=int, reverse=True)

    def move(self, version: str) -> None:
        """Point it to this version alone, at once."""
        self.subject.stack.client("lambda").update_alias(
            **self._parameters,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": {}},
        )

    def write_move(self, version: str) -> str:
        """Give the command that does so."""
        asked = {
            **self._parameters,
            "FunctionVersion": version,
            "RoutingConfig": {"AdditionalVersionWeights": {}},
        }
        return quote_command(
            f"aws --region {self.subject.stack.region} lambda update-alias --cli-input-json", json.dumps(asked)
        )


def read_machine_routing(subject: Subject, arn: str) -> Routing:
    """Ask where the alias of this ARN sends executions; a version of weight 0 gets none.

    Needs states:DescribeStateMachineAlias.
    """
    found = subject.stack.client("stepfunctions").describe_state_machine_alias(stateMachineAliasArn=arn)
    routes = found["routingConfiguration"]
    return {
        route["stateMachineVersionArn"].rpartition(":")[2]: float(route["weight"])
        for route in routes
        if route["weight"]
    }


def read_function_routing(subject: Subject, function: str, alias: str) -> Routing:
    """Ask where the alias of this function sends calls, likewise.

    Needs lambda:GetAlias.
    """
    found = subject.stack.client("lambda").get_alias(FunctionName=function, Name=alias)
    others = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    weights = {version: 100 * weight for version, weight in others.items() if weight}
    return {found["FunctionVersion"]: 100 - sum(weights.values()), **weights}


def write_routing(routing: Routing) -> str:
    """Write it for a person: `90 % to version 7, 10 % to version 8`."""
    return ", ".join(f"{weight:g} % to version {version}" for version, weight in routing.items())
