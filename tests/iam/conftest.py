"""The stack on a local AWS that enforces IAM: every function works with its deployed role, and nothing more."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.aws import LocalAws, deploy_stack
from tests.deployed.conftest import AGAIN_AFTER_SECONDS, DeployedPipeline

STACK = "order-processing-local"

# ReserveInventory with one order's answers lost: all it did has happened, and the workflow must undo it.
_LOSSY = """
from functions.reserve_inventory.handler import reserve_inventory as handler


def reserve_inventory(event, context):
    handler(event, context)
    if event["order"]["order_id"].startswith("lost-") and event["order"]["attempt"] == 1:
        raise RuntimeError("the answer is lost")
"""


@pytest.fixture(scope="session")
def enforced(local_assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedPipeline]:
    """The pipeline under `AUTH=true`; waits are scaled so that three tries after a crash take milliseconds."""
    assembly = tmp_path_factory.mktemp("iam") / "assembly"
    # Without the archives of a deployment that was made from it: they would go out in place of what is changed here.
    shutil.copytree(local_assembly, assembly, ignore=shutil.ignore_patterns(".cache"))
    _make_all_enforceable(assembly)
    with LocalAws.start(wait_scale=0.001, variables={"AUTH": "true"}) as aws:
        pipeline = DeployedPipeline(aws=aws, outputs=deploy_stack(aws, assembly=assembly))
        with pipeline.delivered_again_after(AGAIN_AFTER_SECONDS):
            yield pipeline


def _make_all_enforceable(directory: Path) -> None:
    path = directory / f"{STACK}.template.json"
    template = json.loads(path.read_text())
    template["Resources"] = {name: item for name, item in template["Resources"].items() if _make_enforceable(item)}
    for resource in template["Resources"].values():
        if resource["Properties"].get("Handler") == "functions.reserve_inventory.handler.reserve_inventory":
            resource["Properties"]["Handler"] = "lossy.reserve_inventory"
            (directory / resource["Metadata"]["aws:asset:path"] / "lossy.py").write_text(_LOSSY)
    path.write_text(json.dumps(template))


def _make_enforceable(resource: dict[str, Any]) -> bool:
    """Take out what cannot be met here; what AWS is given, tests/infra/test_template.py holds to the letter.

    False for a policy of which nothing is left then.
    The local AWS speaks no TLS, knows no `ses:FromAddress`, and holds `ses:SendEmail` against `*` alone.
    """
    document = resource["Properties"].get("PolicyDocument")
    if document is None:
        return True
    statements = [
        statement
        for statement in document["Statement"]
        if statement.get("Condition") != {"Bool": {"aws:SecureTransport": "false"}}
    ]
    for statement in statements:
        if statement["Action"] == "ses:SendEmail":
            statement["Resource"] = "*"
            del statement["Condition"]
    document["Statement"] = statements
    return bool(statements)
