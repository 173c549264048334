"""The base that every construct with a function shares."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from infra.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Base:
    """The stage's settings, the stack's key, and the layers of its functions."""

    settings: Settings
    key: kms.IKey
    layers: Sequence[lambda_.ILayerVersion]
