"""A local AWS: the embedded default that the tests, the demo and the benchmark deploy to.

`LocalAws.start()` is a MiniStack process of its own, on 127.0.0.1 and a free port; `deploy()` puts the real
stack on it.
"""

from ops.local_aws.deployment import deploy
from ops.local_aws.environment import ROOT
from ops.local_aws.errors import LocalAwsError
from ops.local_aws.server import LocalAws, client_at

__all__ = ["ROOT", "LocalAws", "LocalAwsError", "client_at", "deploy"]
