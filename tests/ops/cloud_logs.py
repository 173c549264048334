"""CloudWatch Logs and CloudFormation as far as `orders logs` asks them: a stack's log groups, and queries of them."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

ACCOUNT = "123456789012"


@dataclass
class CloudLogs:
    """Both clients in one; a query runs for `looks` looks, then ends as `status`, and calls are counted."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    status: str = "Complete"
    asked: dict[str, Any] = field(default_factory=dict)

    def put(self, function: str, line: dict[str, Any] | str) -> None:
        """Add a line to the group of a function, named by its path in the app."""
        self.lines.append(
            (f"group-{function}", line if isinstance(line, str) else json.dumps(line, separators=(",", ":")))
        )

    def get_paginator(self, operation: str) -> "CloudLogs":
        assert operation == "list_stack_resources"
        return self

    def paginate(self, *, StackName: str) -> list[dict[str, Any]]:  # noqa: N803 - boto3's name
        assert StackName.startswith("order-processing-")
        self.calls["ListStackResources"] += 1
        names = ("IngestionStartWorkflow", "WorkflowUpdateOrder", "NotificationsSendEmail")
        groups = [(f"{name}Logs0A1B2C3D", f"group-{name}", "CREATE_COMPLETE") for name in names]
        groups += [("WorkflowExecutionLog0A1B2C3D", "transitions", "CREATE_COMPLETE")]
        groups += [("WorkflowOldStepLogs0A1B2C3D", "gone", "DELETE_COMPLETE")]
        keys = ("LogicalResourceId", "PhysicalResourceId", "ResourceStatus")
        kind = {"ResourceType": "AWS::Logs::LogGroup"}
        return [{"StackResourceSummaries": [kind | dict(zip(keys, group, strict=True)) for group in groups]}]

    def start_query(self, **asked: Any) -> dict[str, str]:
        self.calls["StartQuery"] += 1
        self.asked = asked
        return {"queryId": "q"}

    def get_query_results(self, *, queryId: str) -> dict[str, Any]:  # noqa: N803
        assert queryId == "q"
        self.calls["GetQueryResults"] += 1
        if self.looks > 0:
            self.looks -= 1
            return {"status": "Running", "results": []}
        found = re.search("@message like /([^/]*)/", self.asked["queryString"])
        assert found
        results = [
            [{"field": "@message", "value": line}, {"field": "@log", "value": f"{ACCOUNT}:{group}"}]
            for group, line in self.lines
            if group in self.asked["logGroupNames"] and re.search(found[1], line)
        ]
        return {"status": self.status, "results": results}
