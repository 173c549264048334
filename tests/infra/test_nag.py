"""Two reviews, AwsSolutions and Serverless, find nothing that is not acknowledged, and explained, in place."""

import json
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import Stack, Validations
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from cdk_nag import AwsSolutionsChecks, ServerlessChecks


def findings(app: cdk.App) -> set[str]:
    """The rules broken, once the app is synthesised: the report is written whether or not that fails."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
    report = json.loads((Path(app.outdir) / "validation-report.json").read_text())
    return {violation["ruleName"] for plugin in report["pluginReports"] for violation in plugin["violations"]}


@pytest.mark.parametrize("stage", ["dev", "prod"])  # one in SES's sandbox, one out of it
def test_the_packs_find_nothing(build: Callable[..., cdk.App], stage: str) -> None:
    assert findings(build(stage)) == set()


def test_the_packs_ran(build: Callable[..., cdk.App]) -> None:
    """Without findings the report names no pack: only mistakes put there on purpose show that they looked."""
    app = build("dev")
    careless = Stack(app, "Careless")
    s3.Bucket(careless, "Bucket")
    sqs.Queue(careless, "Queue")
    assert {"AwsSolutions-S1", "Serverless-SQSRedrivePolicy"} <= findings(app)
