"""Environment variables that point every AWS client at the local AWS, whatever the shell holds."""

import os
import re
from collections.abc import Mapping
from types import MappingProxyType

from ops.local_aws import HOST, REGION

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
