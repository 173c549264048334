"""DynamoDB in memory: exact in what the stores use, strict in what they do not, and fast.

`tests/schedules/test_dynamodb.py` holds it against moto, call by call.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.schedules.expressions import Invalid, Item, Scope, Unsupported, Value, parse_condition, parse_update

MOST_ACTIONS = 100  # of a transaction

_UPDATE = frozenset(
    {
        "TableName",
        "Key",
        "UpdateExpression",
        "ConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ReturnValuesOnConditionCheckFailure",
    }
)


@dataclass(frozen=True, slots=True)
class Change:
    """A row that a call has written; `old` is None where there was none."""

    table: str
    key: str
    old: Item | None
    new: Item


Watch = Callable[[list[Change]], None]


@dataclass(frozen=True, slots=True)
class _Planned:
    change: Change | None = None
    failure: dict[str, Any] | None = None


class DynamoDB:
    """Tables of one key attribute each; `watch` is told of every commit."""

    def __init__(self, tables: dict[str, str], watch: Watch = lambda _changes: None) -> None:
        self._keys = tables
        self.rows: dict[str, dict[str, Item]] = {table: {} for table in tables}
        self._watch = watch
        self._tokens: dict[str, Any] = {}

    def put(self, table: str, item: Item) -> None:
        """Write a row as an operator would, past `watch`."""
        self.rows[table][item[self._keys[table]]["S"]] = item

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """Let an operator write what no function may."""
        watch, self._watch = self._watch, lambda _changes: None
        try:
            yield
        finally:
            self._watch = watch

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool = False) -> dict[str, Any]:  # noqa: N803 — AWS's
        """Give a row as it is; a read that need not be consistent is not known here."""
        if not ConsistentRead:
            raise Unsupported("a read that may be stale")
        found = self.rows[TableName].get(Key[self._keys[TableName]]["S"])
        return {} if found is None else {"Item": dict(found)}

    def update_item(self, *, ReturnValues: str = "NONE", **update: Any) -> dict[str, Any]:  # noqa: N803 — AWS's name
        planned = self._plan(update, "UpdateItem")
        if planned.failure:
            code = planned.failure["Code"]
            names = {
                "ConditionalCheckFailed": "ConditionalCheckFailedException",
                "ValidationError": "ValidationException",
            }
            item = {"Item": planned.failure["Item"]} if "Item" in planned.failure else {}
            raise error(names[code], planned.failure["Message"], "UpdateItem", **item)
        assert planned.change
        self._commit([planned.change])
        if ReturnValues == "NONE":
            return {}
        if ReturnValues == "ALL_NEW":
            return {"Attributes": dict(planned.change.new)}
        raise Unsupported(f"ReturnValues {ReturnValues}")

    def transact_write_items(
        self,
        *,
        TransactItems: list[dict[str, Any]],  # noqa: N803 — AWS's name
        ClientRequestToken: str | None = None,  # noqa: N803 — AWS's name
    ) -> dict[str, Any]:
        if ClientRequestToken in self._tokens:
            if self._tokens[ClientRequestToken] != TransactItems:
                raise error("IdempotentParameterMismatchException", "other content", "TransactWriteItems")
            return {}
        self._check_actions(TransactItems)
        planned = [self._plan(action["Update"], "TransactWriteItems") for action in TransactItems]
        if any(plan.failure for plan in planned):
            reasons = [plan.failure or {"Code": "None"} for plan in planned]
            raise cancelled(reasons)
        if ClientRequestToken:
            self._tokens[ClientRequestToken] = TransactItems
        self._commit([plan.change for plan in planned if plan.change])
        return {}

    def _check_actions(self, actions: list[dict[str, Any]]) -> None:
        if any(set(action) != {"Update"} for action in actions):
            raise Unsupported(f"actions {sorted({kind for action in actions for kind in action})}")
        keys = [(action["Update"]["TableName"], str(action["Update"]["Key"])) for action in actions]
        if not 1 <= len(actions) <= MOST_ACTIONS or len(set(keys)) < len(keys):
            raise error("ValidationException", "too many actions, or two on one item", "TransactWriteItems")

    def _plan(self, update: dict[str, Any], operation: str) -> _Planned:
        if not set(update) <= _UPDATE:
            raise Unsupported(f"parameters {sorted(set(update) - _UPDATE)}")
        condition = parse_condition(update["ConditionExpression"]) if "ConditionExpression" in update else None
        expression = parse_update(update["UpdateExpression"])
        names, values = update.get("ExpressionAttributeNames", {}), update.get("ExpressionAttributeValues", {})
        used = expression.placeholders | (condition.placeholders if condition else frozenset())
        if used != {*names, *values}:
            raise error("ValidationException", f"placeholders {sorted(used ^ {*names, *values})}", operation)
        table, key = update["TableName"], update["Key"]
        if set(key) != {self._keys[table]}:
            raise error("ValidationException", "the key does not match the schema", operation)
        name = key[self._keys[table]]["S"]
        old = self.rows[table].get(name)
        scope = Scope(old or {}, names, values)
        if condition and not condition.holds(scope):
            failure: dict[str, Any] = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
            if old is not None and update.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
                failure["Item"] = dict(old)
            return _Planned(failure=failure)
        try:
            new: dict[str, Value] = dict(key) | expression.apply(scope)
        except Invalid as invalid:
            return _Planned(failure={"Code": "ValidationError", "Message": str(invalid)})
        return _Planned(change=Change(table, name, old, new))

    def _commit(self, changes: list[Change]) -> None:
        for change in changes:
            self.rows[change.table][change.key] = change.new
        self._watch(changes)


def error(code: str, message: str, operation: str, status: int = 400, **more: Any) -> ClientError:
    """Make an error as botocore raises it."""
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response | more, operation)


def cancelled(reasons: list[dict[str, Any]]) -> ClientError:
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return error("TransactionCanceledException", message, "TransactWriteItems", CancellationReasons=reasons)
