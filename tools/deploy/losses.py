"""What a template would take away from the one that is deployed: its resources, and who may publish."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

Resource = Mapping[str, Any]
Resources = Mapping[str, Resource]
Properties = Mapping[str, Any]

# Each deploy publishes new versions and keeps the old ones.
_PUBLISHED: Final = frozenset(
    {"AWS::Lambda::LayerVersion", "AWS::Lambda::Version", "AWS::StepFunctions::StateMachineVersion"}
)
_KEPT: Final = frozenset({"Retain", "RetainExceptOnCreate", "Snapshot"})


class Fate(StrEnum):
    """What becomes of something."""

    REMOVED = "is deleted"
    FORGOTTEN = "leaves the stack, and stays on AWS"
    REPLACED = "is replaced by a new one, and deleted"
    SUCCEEDED = "is replaced by a new one, and stays on AWS"
    PERHAPS_REPLACED = "may be replaced by a new one"
    REFUSED = "may no longer publish orders"


@dataclass(frozen=True)
class Loss:
    """One thing that would be taken away."""

    what: str
    fate: Fate


@dataclass(frozen=True)
class FixedProperties:
    """Properties of a type that only a new resource can have anew, as paths of names."""

    always: tuple[tuple[str, ...], ...] = ()
    sometimes: tuple[tuple[str, ...], ...] = ()


FindFixed = Callable[[str], FixedProperties]


def find_losses(deployed: Mapping[str, Any], planned: Mapping[str, Any], find_fixed: FindFixed) -> list[Loss]:
    """Compare two templates; `find_fixed` gives the properties of a type that cannot be changed in place."""
    before, after = deployed.get("Resources", {}), planned.get("Resources", {})
    fates = _find_replaced(before, after, find_fixed)
    for logical_id in before.keys() - after.keys():
        kept = before[logical_id].get("DeletionPolicy") in _KEPT
        fates[logical_id] = Fate.FORGOTTEN if kept else Fate.REMOVED
    lost = [
        Loss(_name_resource(logical_id, before[logical_id]), fates[logical_id])
        for logical_id in sorted(fates)
        if not (fates[logical_id] is Fate.FORGOTTEN and before[logical_id]["Type"] in _PUBLISHED)
    ]
    return lost + [Loss(f"publisher {name}", Fate.REFUSED) for name in sorted(_find_lost_publishers(before, after))]


def _find_replaced(before: Resources, after: Resources, find_fixed: FindFixed) -> dict[str, Fate]:
    """Find what is replaced, and then what refers to that where it cannot be changed in place."""
    fates: dict[str, Fate] = {}
    common = sorted(before.keys() & after.keys())
    while True:
        found = {
            logical_id: fate
            for logical_id in common
            if logical_id not in fates
            and (fate := _judge_change(before[logical_id], after[logical_id], find_fixed, fates.keys()))
        }
        if not found:
            return fates
        fates |= found


def _judge_change(old: Resource, new: Resource, find_fixed: FindFixed, replaced: Collection[str]) -> Fate | None:
    """Say whether a resource is replaced; None if it is not."""
    kept = all(resource.get("UpdateReplacePolicy") in _KEPT for resource in (old, new))
    replacement = Fate.SUCCEEDED if kept else Fate.REPLACED
    if old["Type"] != new["Type"]:
        return replacement
    fixed = find_fixed(old["Type"])
    if any(_differs(path, old, new) for path in fixed.always):
        return replacement
    if any(_differs(path, old, new) for path in fixed.sometimes):
        return Fate.PERHAPS_REPLACED
    refers = {name for path in fixed.always for name in _find_references(_get_value(path, new))}
    return Fate.PERHAPS_REPLACED if any(name in replaced for name in refers) else None


def _differs(path: tuple[str, ...], old: Resource, new: Resource) -> bool:
    return bool(_get_value(path, old) != _get_value(path, new))


def _get_value(path: tuple[str, ...], resource: Resource) -> Any:
    value: Any = resource.get("Properties", {})
    for name in path:
        if not isinstance(value, Mapping):
            return value  # a list or a function of CloudFormation: all of it is compared
        value = value.get(name)
    return value


def _find_references(value: Any) -> Iterator[str]:
    """Give the logical ids in a value's Ref and Fn::GetAtt."""
    if isinstance(value, Mapping):
        if isinstance(target := value.get("Ref"), str):
            yield target
        if isinstance(attribute := value.get("Fn::GetAtt"), list):
            yield attribute[0]
        for part in value.values():
            yield from _find_references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _find_references(part)


def _name_resource(logical_id: str, resource: Resource) -> str:
    """Name it as a person knows it: a subscription by its address, all else by its place in the app."""
    endpoint = resource.get("Properties", {}).get("Endpoint")
    if resource["Type"] == "AWS::SNS::Subscription" and isinstance(endpoint, str):
        return f"subscription of {endpoint}"
    path = resource.get("Metadata", {}).get("aws:cdk:path", f"/{logical_id}")
    return f"{path.partition('/')[2].removesuffix('/Resource')} ({resource['Type']})"


def _find_lost_publishers(before: Resources, after: Resources) -> set[str]:
    old, new = _find_publishers(before), _find_publishers(after)
    if not old or not new:
        return set()
    return {name for name in old - new if not (name.startswith("arn:") and name.split(":")[4] in new)}


def _find_publishers(resources: Resources) -> set[str]:
    """Give the accounts and roles that a topic's policy does not deny to publish."""
    return {
        "the account of the stack" if isinstance(name, Mapping) else name
        for resource in resources.values()
        if resource["Type"] == "AWS::SNS::TopicPolicy"
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "DenyOthers"
        for condition in statement["Condition"].values()
        for named in condition.values()
        for name in (named if isinstance(named, list) else [named])
    }
