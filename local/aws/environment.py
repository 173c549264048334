"""Environment variables that point every AWS client at the local AWS, whatever the shell holds."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from infra.paths import ROOT
from ops.local_aws import ACCOUNT, HOST, REGION, endpoint_of

# MiniStack and every function inherit nothing else: no PYTHONPATH, no proxy, no setting of another emulator.
_KEPT_BY_SERVER = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
# Variables that a shell may hold for the real AWS or another project, and a deploy must not see. The proxy library of
# the CDK takes npm's settings before NO_PROXY.
_LOST_BY_TOOLS = ("AWS_", "BOTO", "CDK_", "PYTHON", "NODE_OPTIONS", "VIRTUAL_ENV", "npm_config_", "NPM_CONFIG_")
# All that an SDK or the AWS command line may prefer to AWS_ENDPOINT_URL begins so: a service's own endpoint, FIPS,
# profiles, roles, plugins. Variables that only format answers may stay.
_OUTRANKS = re.compile(r"(?:AWS_|BOTO)(?!PAGER$|DEFAULT_OUTPUT$|CLI_)[A-Za-z0-9_]+")


def client_environment(endpoint: str, inherited: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Return what makes any AWS SDK or tool speak to the local AWS, in an environment without what outranks it.

    No file and no metadata service of the person's own is asked: a profile may hold endpoints too. `inherited` is
    where a proxy may be set.
    """
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **_no_proxy(inherited),
    }


def find_outranking(inherited: Mapping[str, str]) -> list[str]:
    """Return the variables that are set and must not be where `client_environment` is to decide."""
    return sorted(name for name in inherited if _OUTRANKS.fullmatch(name) and name not in client_environment(""))


def _no_proxy(inherited: Mapping[str, str]) -> dict[str, str]:
    """Programs read one spelling or the other; `*`, which is no proxy at all, means so only while it stands alone."""
    named = {name: inherited.get(name, "") for name in ("NO_PROXY", "no_proxy")}
    either = named["NO_PROXY"] or named["no_proxy"]
    lists = {name: hosts or either for name, hosts in named.items()}
    return {name: "*" if hosts.strip() == "*" else _with_host(hosts) for name, hosts in lists.items()}


def _with_host(hosts: str) -> str:
    names = [name.strip() for name in hosts.split(",") if name.strip()]
    return ",".join(names if HOST in names else [*names, HOST])


def server_environment(
    *, port: int, temporary: Path, wait_scale: float, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Return MiniStack's whole environment; the functions it runs get the same.

    `wait_scale` multiplies every wait and retry interval of Step Functions.
    """
    kept = {name: inherited[name] for name in _KEPT_BY_SERVER if name in inherited}
    return {
        **kept,
        **client_environment(endpoint_of(port)),  # it hands its own address to the functions
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "LAMBDA_ACCOUNT_CONCURRENCY": "0",  # no common limit: `deploy` gives each function its own
        "SFN_WAIT_SCALE": str(wait_scale),
        "TMPDIR": str(temporary),
        "STATE_DIR": str(temporary / "state"),
        "S3_DATA_DIR": str(temporary / "s3"),
        "PERSIST_STATE": "0",
        # Neither other ports nor containers: two instances would fight over them.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{temporary / 'no-docker.sock'}",
        "PYTHONUNBUFFERED": "1",
    }


def tool_environment(*, endpoint: str, home: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the CDK's command line, its app and what that builds.

    The rest of the shell's environment stays: building the layer may need its proxy and package settings. `home` is a
    folder without a `.cdk.json`, whose proxy or profile would go before ours.
    """
    kept = {name: value for name, value in inherited.items() if not name.startswith(_LOST_BY_TOOLS)}
    return {
        **kept,
        **client_environment(endpoint, inherited),
        "HOME": str(home),
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(ROOT / ".build" / "jsii"),  # what the CDK unpacks, once for all
        "PATH": os.pathsep.join([str(find_tools()), kept.get("PATH", os.defpath)]),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }


def find_tools() -> Path:
    """Return the folder of the environment's own programs: MiniStack, and the Node that runs the CDK."""
    return Path(sys.executable).parent
