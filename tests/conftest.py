"""What all tests share: a region, which Lambda always names, and nothing else of the shell's AWS."""

import os

from ops.local_aws import REGION

# `make up` prints export lines, and a test must not follow them. At import, since the functions make their first client
# when they are imported.
for _name in [name for name in os.environ if name.startswith(("AWS_", "POWERTOOLS_"))]:
    del os.environ[_name]
os.environ["AWS_DEFAULT_REGION"] = REGION
