"""What all tests share: a region, which Lambda always names, nothing else of the shell's AWS, and one synthesis.

Examples are drawn by the ordinary profile, unless `--hypothesis-profile` names another.
"""

import json
import os
from pathlib import Path

import pytest
from hypothesis import settings

from ops.local_aws import REGION
from tests.examples import ORDINARY
from tests.shell_environment import forget_shell

# At import, since the functions make their first client when they are imported.
forget_shell()
os.environ["AWS_DEFAULT_REGION"] = REGION
# Powertools reads these two when the functions are first imported.
NAMESPACE, SERVICE = "OrderProcessing", "order-processing-test"
os.environ |= {"POWERTOOLS_METRICS_NAMESPACE": NAMESPACE, "POWERTOOLS_SERVICE_NAME": SERVICE}
settings.load_profile(ORDINARY)


@pytest.fixture(scope="session")
def local_assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stage `local` as `cdk deploy` would synthesise it, once: jsii and the build take seconds."""
    from infra.paths import ROOT  # noqa: PLC0415 - first, since it says which Node jsii takes
    from infra.settings import Settings  # noqa: PLC0415
    from infra.stack import OrderProcessingStack  # noqa: PLC0415

    directory = tmp_path_factory.mktemp("local") / "assembly"
    context = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    import aws_cdk as cdk  # noqa: PLC0415 - takes seconds, and most tests need no CDK

    app = cdk.App(context=context | {"aws:cdk:enable-asset-metadata": True}, outdir=str(directory))
    OrderProcessingStack(app, "order-processing-local", settings=Settings.for_stage("local"))
    app.synth()
    return directory
