"""Saved queries of CloudWatch Logs Insights."""

from collections.abc import Mapping, Sequence

from aws_cdk import Stack
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.pipeline.functions import OrderFunction
from infra.watch.questions import QUESTIONS


class SavedQueries(Construct):
    """One definition per question, in a folder named after the stack."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        steps: Sequence[OrderFunction],
        others: Sequence[OrderFunction],
        starter: OrderFunction,
        mailer: OrderFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        asked: Mapping[str, Sequence[OrderFunction]] = {
            "failed executions by cause": [*steps, *others],
            "one order's story": [*steps, *others],
            "slowest states": steps,
            "refusals by reason": [starter],
            "from publish to mail": [starter, mailer],
        }
        for name, query in QUESTIONS.items():
            logs.CfnQueryDefinition(
                self,
                "".join(word.capitalize() for word in name.replace("'", "").split()),
                name=f"{Stack.of(self).stack_name}/{name}",
                query_string=query,
                log_group_names=[function.log_group.log_group_name for function in asked[name]],
            )
