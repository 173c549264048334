"""A template as CloudFormation would deploy it, and what AWS would then answer about it: names, ARNs, policies."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ops.doctor.looking.resource_policy import Request, is_allowed
from tests.infra.conftest import Template
from tests.ops.doctor.healthy_services import DELIVERY_POLICY, HEALTHY, NOW, STACK, list_resources, make_policy
from tests.ops.doctor.recorded import ACCOUNT, REGION, Answer

# By the type: the property that names it, and the last part of its ARN.
NAMES: Final = {
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch:{}:alarm:{}"),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName", "cloudwatch:{}:alarm:{}"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{}:table/{}"),
    "AWS::Events::Rule": ("Name", "events:{}:rule/{}"),
    "AWS::IAM::Role": ("RoleName", "iam:{}:role/{}"),
    "AWS::KMS::Key": ("", "kms:{}:key/{}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:{}:function:{}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{}:log-group:{}:*"),
    "AWS::SES::ConfigurationSet": ("Name", ""),
    "AWS::SNS::Topic": ("TopicName", "sns:{}:{}"),
    "AWS::SQS::Queue": ("QueueName", "sqs:{}:{}"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "states:{}:stateMachine:{}"),
}
WITH_ARN_AS_ID: Final = frozenset({"AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"})


@dataclass(frozen=True)
class AsDeployed:
    """The stack of a template in the recorded account."""

    template: Template
    simulated: list[Request] = field(default_factory=list)
    """What IAM was asked about a role's rights, and allowed"""
    _resolved: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def outputs(self) -> dict[str, str]:
        return {name: self.resolve(output["Value"]) for name, output in self.template.body["Outputs"].items()}

    def answers(self) -> Mapping[str, Answer]:
        """What an account says that has just deployed it."""
        return {
            **HEALTHY,
            "cloudformation.ListStackResources": list_resources(
                *((item["Type"], name, self._identify(name)) for name, item in self.template.body["Resources"].items())
            ),
            "kms.GetKeyPolicy": {"Policy": json.dumps(self._only("AWS::KMS::Key")["KeyPolicy"])},
            "sns.GetTopicAttributes": self._describe_topic,
            "cloudwatch.DescribeAlarms": self._describe_alarms,
            "events.DescribeRule": self._describe_rule,
            "events.TestEventPattern": _match_event,
            "logs.DescribeLogGroups": self._describe_log_group,
            "logs.DescribeResourcePolicies": {"resourcePolicies": [{"policyDocument": self._make_delivery_policy()}]},
            "logs.DescribeQueryDefinitions": {"queryDefinitions": list(self._describe_queries())},
            "stepfunctions.DescribeStateMachine": self._describe_machine,
            "iam.SimulatePrincipalPolicy": self._simulate,
        }

    def resolve(self, value: Any) -> Any:
        """Put in what CloudFormation does for its functions."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (function := next(iter(value))).startswith(("Ref", "Fn::")):
            return self._compute(function, value[function])
        return {key: self.resolve(item) for key, item in value.items()}

    def _compute(self, function: str, argument: Any) -> Any:
        match function, argument:
            case "Ref", name:
                return self._pseudo_parameters.get(name) or self._identify(name)
            case "Fn::GetAtt", [name, attribute]:
                return self._give_arn(name) if attribute.endswith("Arn") else self._give_name(name)
            case "Fn::Join", [separator, parts]:
                return separator.join(map(self.resolve, parts))
            case "Fn::Split", [separator, whole]:
                return self.resolve(whole).split(separator)
            case "Fn::Select", [index, parts]:
                return self.resolve(parts)[int(index)]
        raise AssertionError(f"{function} is not computed here")

    @property
    def _pseudo_parameters(self) -> dict[str, str]:
        stack_id = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{self._stack}/51af3dc0-da77-11e4-872e-123456789012"
        return {
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackId": stack_id,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def list_statements(self, role: str) -> list[dict[str, Any]]:
        """Give what the policies of a role allow, by the role's name."""
        return [
            statement
            for policy in self._all("AWS::IAM::Policy").values()
            if role in policy["Roles"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    def _all(self, kind: str) -> dict[str, Any]:
        if kind not in self._resolved:
            items = self.template.of_type(kind).items()
            self._resolved[kind] = {name: self.resolve(item["Properties"]) for name, item in items}
        return self._resolved[kind]

    def _only(self, kind: str) -> Any:
        (properties,) = self._all(kind).values()
        return properties

    def _give_name(self, logical_id: str) -> str:
        item = self.template.body["Resources"][logical_id]
        named, _ = NAMES.get(item["Type"], ("", ""))
        name: str = self.resolve(item.get("Properties", {}).get(named)) or f"{self._stack}-{logical_id}-1A2B3C4D5E6F"
        return name

    @property
    def _stack(self) -> str:
        return f"order-processing-{self.template.stage}"

    def _give_arn(self, logical_id: str) -> str:
        _, arn = NAMES[self.template.body["Resources"][logical_id]["Type"]]
        region = "" if arn.startswith("iam:") else REGION
        return f"arn:aws:{arn.format(f'{region}:{ACCOUNT}', self._give_name(logical_id))}"

    def _identify(self, logical_id: str) -> str:
        """Give what `Ref` does."""
        kind = self.template.body["Resources"][logical_id]["Type"]
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self._give_name(logical_id)}"
        return self._give_arn(logical_id) if kind in WITH_ARN_AS_ID else self._give_name(logical_id)

    def _describe_topic(self, asked: Mapping[str, Any]) -> Any:
        (policy,) = (one for one in self._all("AWS::SNS::TopicPolicy").values() if asked["TopicArn"] in one["Topics"])
        return {"Attributes": {"Policy": json.dumps(policy["PolicyDocument"])}}

    def _describe_alarms(self, asked: Mapping[str, Any]) -> Any:
        def describe(kind: str, *more: str) -> list[dict[str, Any]]:
            return [
                {"AlarmArn": self._give_arn(name), **{key: item[key] for key in ("AlarmName", *more) if key in item}}
                for name, item in self._all(f"AWS::CloudWatch::{kind}").items()
                if item["AlarmName"] in asked["AlarmNames"]
            ]

        return {"MetricAlarms": describe("Alarm", "Metrics"), "CompositeAlarms": describe("CompositeAlarm")}

    def _describe_rule(self, asked: Mapping[str, Any]) -> Any:
        (rule,) = (name for name in self._all("AWS::Events::Rule") if self._give_name(name) == asked["Name"])
        properties = self._all("AWS::Events::Rule")[rule]
        pattern = json.dumps(properties["EventPattern"])
        return {"Arn": self._give_arn(rule), "State": properties["State"], "EventPattern": pattern}

    def _describe_log_group(self, asked: Mapping[str, Any]) -> Any:
        return {
            "logGroups": [
                {
                    "logGroupName": self._give_name(name),
                    "logGroupArn": self._give_arn(name).removesuffix(":*"),
                    "kmsKeyId": item["KmsKeyId"],
                }
                for name, item in self._all("AWS::Logs::LogGroup").items()
                if self._give_name(name).startswith(asked["logGroupNamePrefix"])
            ]
        }

    def _make_delivery_policy(self) -> str:
        """What Step Functions itself writes when the machine is created."""
        return DELIVERY_POLICY.replace(STACK, self._stack)

    def _describe_queries(self) -> Iterator[dict[str, Any]]:
        for name, item in self._all("AWS::Logs::QueryDefinition").items():
            text, groups = item["QueryString"], item["LogGroupNames"]
            yield {
                "queryDefinitionId": self._give_name(name),
                "name": item["Name"],
                "queryString": text,
                "logGroupNames": groups,
            }

    def _describe_machine(self, asked: Mapping[str, Any]) -> Any:
        logging = self._only("AWS::StepFunctions::StateMachine")["LoggingConfiguration"]
        groups = [one["CloudWatchLogsLogGroup"]["LogGroupArn"] for one in logging["Destinations"]]
        return {
            **dict.fromkeys(("stateMachineArn", "name", "definition", "roleArn"), asked["stateMachineArn"]),
            "type": "STANDARD",
            "creationDate": NOW,
            "loggingConfiguration": {
                "level": logging["Level"],
                "includeExecutionData": logging["IncludeExecutionData"],
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}} for group in groups],
            },
        }

    def _simulate(self, asked: Mapping[str, Any]) -> Any:
        (resource,) = asked["ResourceArns"]
        context = {entry["ContextKeyName"]: entry["ContextKeyValues"][0] for entry in asked["ContextEntries"]}
        role = asked["PolicySourceArn"].rpartition("/")[2]
        policy = make_policy(*({**statement, "Principal": "*"} for statement in self.list_statements(role)))
        requests = [Request(role, action, resource, context) for action in asked["ActionNames"]]
        allowed = [request for request in requests if is_allowed(policy, request)]
        self.simulated.extend(allowed)
        return {
            "EvaluationResults": [
                {"EvalActionName": one.action, "EvalDecision": "allowed" if one in allowed else "implicitDeny"}
                for one in requests
            ]
        }


def _match_event(asked: Mapping[str, Any]) -> dict[str, bool]:
    """EventBridge's matcher, of what this stack's patterns use: values, and the beginning of one."""

    def match(pattern: Any, value: Any) -> bool:
        if isinstance(pattern, dict):
            return all(key in value and match(item, value[key]) for key, item in pattern.items())
        values = value if isinstance(value, list) else [value]
        return any(
            one.startswith(wanted["prefix"]) if isinstance(wanted, dict) else one == wanted
            for wanted in pattern
            for one in values
        )

    return {"Result": match(json.loads(asked["EventPattern"]), json.loads(asked["Event"]))}
