"""Which properties of a resource cannot be changed in place: CloudFormation's own schemas, as cfn-lint has them."""

from functools import cache
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

from tools.deploy.losses import FixedProperties

# Every type is in this region, and no schema says in which region a property is fixed.
_REGION = "us-east-1"


@cache
def find_fixed_properties(resource_type: str) -> FixedProperties:
    """Find them for a type such as `AWS::SNS::Topic`; none for a type that no schema describes, as a custom one."""
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, resource_type).schema
    except ResourceNotFoundError:
        return FixedProperties()
    return FixedProperties(
        always=_split_paths(schema.get("createOnlyProperties", ())),
        sometimes=_split_paths(schema.get("conditionalCreateOnlyProperties", ())),
    )


def _split_paths(pointers: Any) -> tuple[tuple[str, ...], ...]:
    """Split pointers such as /properties/Destination/Bucket; what a list's items have is compared with the list."""
    return tuple(tuple(pointer.split("/")[2:]) for pointer in pointers)
