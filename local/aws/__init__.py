"""A local AWS: the embedded default that the tests, the demo and the benchmark deploy to.

`LocalAws.start()` is a MiniStack process of its own, on 127.0.0.1 and a free port; `deploy_stack()` puts the real
stack on it.
"""

from infra.paths import ROOT
from local.aws.deployment import deploy_stack
from local.aws.errors import LocalAwsError
from local.aws.server import LocalAws

__all__ = ["ROOT", "LocalAws", "LocalAwsError", "deploy_stack"]
