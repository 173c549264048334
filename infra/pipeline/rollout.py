"""Gradual deployment of a new function version: a small share of traffic first, rolled back on an alarm."""

from collections.abc import Mapping, Sequence

from aws_cdk import Acknowledgment, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.pipeline.functions import OrderFunction


class GradualShift(Construct):
    """Gives a function's new version a tenth of the calls for five minutes, and then all, unless an alarm fires.

    For the functions that events call. Those of the workflow come into use with a version of the state machine.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Mapping[str, tuple[OrderFunction, Sequence[cloudwatch.IAlarm]]],
    ) -> None:
        super().__init__(scope, construct_id)
        application = codedeploy.LambdaApplication(self, "Application")
        role = self._create_role()
        for name, (function, alarms) in functions.items():
            if not isinstance(function.live, lambda_.Alias):
                raise TypeError(f"{name} has no alias whose calls could be shifted")
            codedeploy.LambdaDeploymentGroup(
                self,
                name,
                application=application,
                role=role,
                alias=function.live,
                deployment_config=codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
                alarms=alarms,
            )

    def _create_role(self) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"))
        Validations.of(role).acknowledge(
            Acknowledgment(
                id=(
                    "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
                    "AWSCodeDeployRoleForLambdaLimited]"
                ),
                reason=(
                    "AWS's own list of what CodeDeploy needs to move an alias. One written here would break a"
                    " deployment whenever CodeDeploy asks for something else, and cannot be tried without AWS."
                ),
            )
        )
        return role
