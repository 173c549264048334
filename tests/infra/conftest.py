"""Templates as they are deployed, synthesised once a session: jsii takes seconds to start."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from infra.assets import packaging
from infra.paths import ROOT
from infra.settings import Settings
from infra.stack import OrderProcessingStack

# As if dev and prod shared an account, and sent from one address.
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "local": {},
    "dev": {"sender_email": "orders@example.com"},
    "prod": {"sender_email": "orders@example.com", "alarm_email": "oncall@example.com"},
}


@dataclass(frozen=True, kw_only=True)
class Template:
    """A synthesised template, and where it and the manifest that deploys it lie."""

    stage: str
    path: Path
    body: Mapping[str, Any]

    def of_type(self, kind: str) -> dict[str, Any]:
        return {name: item for name, item in self.body["Resources"].items() if item["Type"] == kind}

    def properties(self, logical_id: str) -> Any:
        return self.body["Resources"][logical_id]["Properties"]

    def manifest(self) -> Any:
        artifacts = json.loads((self.path.parent / "manifest.json").read_text())["artifacts"]
        return artifacts[f"order-processing-{self.stage}"]["properties"]


Build = Callable[..., cdk.App]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Makes the app as `cdk` would, with an empty asset for all code: what is in it has tests of its own."""
    asset = tmp_path_factory.mktemp("asset")
    (asset / "empty").touch()

    def stand_in(*_: str) -> lambda_.Code:
        return lambda_.Code.from_asset(str(asset))

    def make(stage: str, **options: Any) -> cdk.App:
        context = json.loads((ROOT / "cdk.json").read_text())["context"]
        app = cdk.App(context=context, outdir=str(tmp_path_factory.mktemp(stage)))
        settings = Settings.for_stage(stage, **{**OPTIONS[stage], **options})
        with pytest.MonkeyPatch.context() as patch:
            for name in ("function_code", "local_function_code", "dependencies_layer_code"):
                patch.setattr(packaging, name, stand_in)
            OrderProcessingStack(app, f"order-processing-{stage}", settings=settings)
        return app

    return make


@pytest.fixture(scope="session")
def synthesise(build: Build) -> Callable[..., Template]:
    def make(stage: str, **options: Any) -> Template:
        assembly = build(stage, **options).synth()
        path = Path(assembly.directory) / f"order-processing-{stage}.template.json"
        return Template(stage=stage, path=path, body=json.loads(path.read_text()))

    return make


@pytest.fixture(scope="session")
def templates(synthesise: Callable[..., Template]) -> Mapping[str, Template]:
    return {stage: synthesise(stage) for stage in OPTIONS}


@pytest.fixture(params=OPTIONS)
def template(request: pytest.FixtureRequest, templates: Mapping[str, Template]) -> Template:
    """A rule that asks for this holds in every stage."""
    return templates[request.param]
