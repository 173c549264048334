"""A stage while a deploy shifts its aliases: its answers depend on the time, and on what was asked before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.ops.doctor.a_clock import AClock
from tests.ops.doctor.deep_world import NOW, list_resources
from tests.ops.doctor.recorded import ACCOUNT, REGION, Answer

MACHINE: Final = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:order-processing-prod"
ALIAS: Final = f"{MACHINE}:live"
OLD: Final = "7"
DEPLOYED: Final = "8"
NEW: Final = "9"
BEGINS: Final = 60.0
SHIFTS: Final = 300.0
ENDS: Final = 1200.0  # of a deploy that nothing takes back
RETURNS: Final = 45.0  # an alias, after the alarm or the cancelling
ROLLED_BACK: Final = 300.0


@dataclass
class RolloutWorld:
    """The stage. A person starts a deploy as soon as they are asked to, unless the flags say otherwise."""

    clock: AClock
    nobody_deploys: bool = False
    shifts_at_once: bool = False
    never_returns: bool = False
    returns_to_new: bool = False
    ends_with: str = "UPDATE_ROLLBACK_COMPLETE"
    never_ends: bool = False
    forgets_where_the_alias_is: bool = False
    stopped_because: str | None = "ALARM_ACTIVE"
    alarm: str | None = "OK"
    is_deploying: bool = False
    shifts_track_first: bool = False
    has_one_version: bool = False
    is_shifting: bool = False
    alarm_fired_at: float | None = None
    taken_back_at: float | None = None
    routes: dict[str, str] = field(default_factory=lambda: {ALIAS: DEPLOYED, "Release": DEPLOYED, "Track": DEPLOYED})

    @property
    def deploy_began_at(self) -> float | None:
        """A minute after the person was asked for it."""
        asked = [at for at, line in self.clock.lines if line.startswith("start a deploy now")]
        return None if self.nobody_deploys or not asked else asked[0] + BEGINS

    @property
    def status(self) -> str:
        began, now = self.deploy_began_at, self.clock.now
        if self.is_deploying:
            return "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
        if began is None or now < began:
            return "UPDATE_COMPLETE"
        if self.taken_back_at is not None:
            over = now >= self.taken_back_at + ROLLED_BACK and not self.never_ends
            return self.ends_with if over else "UPDATE_ROLLBACK_IN_PROGRESS"
        return "UPDATE_COMPLETE" if now >= began + ENDS else "UPDATE_IN_PROGRESS"

    def route(self, name: str) -> dict[str, int]:
        """Say where an alias points now."""
        began, now, here = self.deploy_began_at, self.clock.now, self.routes[name]
        if self.is_shifting:
            return {here: 90, NEW: 10}
        if began is not None and self.shifts_track_first and name == "Track" and now >= began + SHIFTS - 60:
            return {here: 90, NEW: 10} if now < began + SHIFTS - 30 else {NEW: 100}
        if began is None or now < began + SHIFTS or self.shifts_at_once:
            return {here: 100}
        if self.taken_back_at is not None and now >= self.taken_back_at + RETURNS and not self.never_returns:
            return {NEW if self.returns_to_new else here: 100}
        if now >= began + ENDS and self.taken_back_at is None:
            return {NEW: 100}
        return {DEPLOYED if self.forgets_where_the_alias_is else here: 90, NEW: 10}

    @property
    def answers(self) -> Mapping[str, Answer]:
        return {
            "cloudformation.ListStackResources": list_resources(
                ("AWS::StepFunctions::StateMachineAlias", "WorkflowLive12345678", ALIAS),
                ("AWS::Lambda::Alias", "WorkflowReleaseAbandonedLive12345678", self.lambda_arn("Release")),
                ("AWS::Lambda::Alias", "MailTrackingTrackEmailLive12345678", self.lambda_arn("Track")),
                ("AWS::CloudWatch::Alarm", "MonitoringStepsFailing12345678", "order-processing-prod-StepsFailing"),
                ("AWS::CloudWatch::Alarm", "MonitoringFunctionsFailing1234", "order-processing-prod-FunctionsFailing"),
                ("AWS::CodeDeploy::Application", "RolloutApplication12345678", "application"),
                ("AWS::CodeDeploy::DeploymentGroup", "RolloutReleaseAbandoned12345678", "group"),
            ),
            "cloudformation.DescribeStacks": self.describe_stacks,
            "cloudformation.CancelUpdateStack": self.cancel,
            "cloudwatch.DescribeAlarms": lambda asked: {
                "MetricAlarms": [{"AlarmName": asked["AlarmNames"][0], "StateValue": self.alarm}] if self.alarm else []
            },
            "cloudwatch.SetAlarmState": self.set_alarm,
            "stepfunctions.DescribeStateMachineAlias": self.describe_alias,
            "stepfunctions.ListStateMachineVersions": self.list_machine_versions,
            "stepfunctions.UpdateStateMachineAlias": self.update_machine_alias,
            "lambda.GetAlias": self.get_alias,
            "lambda.ListVersionsByFunction": self.list_function_versions,
            "lambda.UpdateAlias": self.update_alias,
            "codedeploy.ListDeployments": lambda _: {"deployments": ["d-1"] if self.stopped_because else []},
            "codedeploy.GetDeployment": lambda _: {
                "deploymentInfo": {
                    "deploymentId": "d-1",
                    "status": "Stopped",
                    "createTime": NOW,
                    "errorInformation": {"code": self.stopped_because, "message": "as CodeDeploy says it"},
                }
            },
        }

    @staticmethod
    def lambda_arn(name: str) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:live"

    def describe_stacks(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        began = self.deploy_began_at
        updated = {} if began is None or self.clock.now < began else {"LastUpdatedTime": NOW}
        stack = {"StackName": "order-processing-prod", "CreationTime": NOW, "StackStatus": self.status, **updated}
        return {"Stacks": [stack]}

    def cancel(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        self.taken_back_at = self.clock.now
        return {}

    def set_alarm(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        self.alarm = asked["StateValue"]
        if self.alarm == "ALARM" and self.taken_back_at is None:
            self.taken_back_at = self.clock.now
        return {}

    def describe_alias(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        routes = self.route(asked["stateMachineAliasArn"])
        return {
            "routingConfiguration": [
                {"stateMachineVersionArn": f"{MACHINE}:{version}", "weight": weight}
                for version, weight in routes.items()
            ]
        }

    def versions(self) -> list[str]:
        return [DEPLOYED] if self.has_one_version else [DEPLOYED, OLD, "6"]

    def list_machine_versions(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            "stateMachineVersions": [
                {"stateMachineVersionArn": f"{MACHINE}:{version}", "creationDate": NOW} for version in self.versions()
            ]
        }

    def update_machine_alias(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        (route,) = asked["routingConfiguration"]
        assert route["weight"] == 100
        self.routes[ALIAS] = route["stateMachineVersionArn"].rpartition(":")[2]
        return {"updateDate": NOW}

    def get_alias(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        (main, *_), routes = self.route(asked["FunctionName"]), self.route(asked["FunctionName"])
        weights = {version: weight / 100 for version, weight in routes.items() if version != main}
        return {"FunctionVersion": main, "RoutingConfig": {"AdditionalVersionWeights": weights}}

    def list_function_versions(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"Versions": [{"Version": version} for version in ("$LATEST", *reversed(self.versions()))]}

    def update_alias(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert asked["RoutingConfig"] == {"AdditionalVersionWeights": {}}
        self.routes[asked["FunctionName"]] = asked["FunctionVersion"]
        return {}
