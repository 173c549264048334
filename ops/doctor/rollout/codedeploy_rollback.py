"""What CodeDeploy says of the shift of a function's alias that an alarm has stopped."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ops.doctor.patience import Patience
from ops.doctor.probe import Finding
from ops.doctor.subject import Subject
from ops.shell import quote_command

# Of its calls, which a probe that uses it adds to its own.
ACTIONS: Final = ("codedeploy:GetDeployment", "codedeploy:ListDeployments")

_SINCE: Final = timedelta(hours=2)  # longer than a deploy takes
_STOPPED: Final = 120.0  # seconds; the alias is back when it is asked for
_EVERY: Final = 10.0


def judge_deployment(subject: Subject, patience: Patience, function: str) -> Finding:
    """Find the deployment that the alarm has stopped, and the reason that it gives."""
    client = subject.stack.client("codedeploy")
    application = subject.find_resource("AWS::CodeDeploy::Application").physical_id
    group = subject.find_resource("AWS::CodeDeploy::DeploymentGroup", f"Rollout{function}").physical_id

    def look() -> Mapping[str, Any] | None:
        ids = client.list_deployments(
            applicationName=application,
            deploymentGroupName=group,
            includeOnlyStatuses=["Stopped", "Failed"],
            createTimeRange={"start": datetime.now(UTC) - _SINCE},
        )["deployments"]
        found = [client.get_deployment(deploymentId=id_)["deploymentInfo"] for id_ in ids]
        return max(found, key=lambda one: one["createTime"], default=None)

    seen = patience.wait_for("CodeDeploy to say why", look, seconds=_STOPPED, every=_EVERY)
    if seen is None:
        listing = f"aws --region {subject.stack.region} deploy list-deployments --application-name"
        return Finding.wrong(
            f"CodeDeploy has stopped no deployment of {function}",
            f"look at those there are: {quote_command(listing, application)}",
        )
    code = seen.get("errorInformation", {}).get("code")
    if code != "ALARM_ACTIVE":
        return Finding.unclear(f"CodeDeploy says that {seen['deploymentId']} is {seen['status']} because of {code}")
    return Finding.ok(f"CodeDeploy says that {seen['deploymentId']} is {seen['status']} because of the alarm")
