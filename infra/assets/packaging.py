"""The built directories as the code CDK deploys.

An asset's hash is the key of what went into its build: a deploy replaces code exactly when its inputs changed,
and not because another machine compiled the same sources.
"""

from pathlib import Path

from aws_cdk import aws_lambda as lambda_

from infra.assets import build


def function_code(folder: str) -> lambda_.Code:
    """The code of `functions/<folder>` for AWS: Python 3.13 on arm64, with the layer beside it."""
    return _make_code(build.build_function(folder))


def local_function_code(folder: str) -> lambda_.Code:
    """The code of `functions/<folder>` for the local AWS; no layer, its `bootstrap` runs this environment."""
    return _make_code(build.local_function(folder))


def dependencies_layer_code() -> lambda_.Code:
    """The layer every function on AWS shares."""
    return _make_code(build.build_layer())


def _make_code(directory: Path) -> lambda_.Code:
    return lambda_.Code.from_asset(str(directory), asset_hash=directory.name)
