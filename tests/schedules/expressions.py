"""DynamoDB's condition and update expressions, as far as the stores use them; anything else raises `Unsupported`.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, partial
from operator import eq, ge, gt, le, lt
from typing import Any

Value = dict[str, Any]
Item = Mapping[str, Value]

_TOKEN = re.compile(r"\s*(<=|>=|<>|[()=<>,+-]|[#:]?[A-Za-z_][A-Za-z0-9_]*)")
_WORDS = frozenset({"AND", "OR", "NOT", "IN", "BETWEEN", "SET", "REMOVE", "ADD", "DELETE"})
_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


class Unsupported(Exception):
    """The expression uses what this module does not know: add it, rather than let a test pass for a wrong reason."""


class Invalid(Exception):
    """What DynamoDB answers with a ValidationException."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression is evaluated on."""

    item: Item
    names: Mapping[str, str]
    values: Mapping[str, Value]


Term = Callable[[Scope], Value | None]
Test = Callable[[Scope], bool]
Change = Callable[[Scope, dict[str, Value]], object]


@dataclass(frozen=True, slots=True)
class Condition:
    """A parsed ConditionExpression."""

    holds: Test
    placeholders: frozenset[str]


@dataclass(frozen=True, slots=True)
class Update:
    """A parsed UpdateExpression."""

    changes: tuple[Change, ...]
    placeholders: frozenset[str]

    def apply(self, scope: Scope) -> dict[str, Value]:
        """Give the item after the update. Every part of it sees the item as it was before, as in DynamoDB.

        Raises:
            Invalid: arithmetic on what is not there or not a number.
        """
        changed = dict(scope.item)
        for change in self.changes:
            change(scope, changed)
        return changed


@cache
def parse_condition(text: str) -> Condition:
    parser = _Parser(text)
    test = parser.either()
    parser.end()
    return Condition(test, parser.placeholders())


@cache
def parse_update(text: str) -> Update:
    parser = _Parser(text)
    changes = tuple(parser.clauses())
    return Update(changes, parser.placeholders())


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise Unsupported(f"{text[position:]!r} in {text!r}")
            self._tokens.append(match[1])
            position = match.end()
        self._at = 0

    def placeholders(self) -> frozenset[str]:
        return frozenset(token for token in self._tokens if token[0] in "#:")

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise Unsupported(f"{self._tokens[self._at]!r} in {self._text!r}")

    # ------------------------------------------------------------------------------------------------ conditions

    def either(self) -> Test:
        tests = [self._both()]
        while self._took("OR"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda scope: any(test(scope) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._took("AND"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda scope: all(test(scope) for test in tests)

    def _one(self) -> Test:
        if self._took("("):
            test = self.either()
            self._expect(")")
            return test
        for function, wanted in (("attribute_not_exists", False), ("attribute_exists", True)):
            if self._took(function):
                path = self._in_parentheses(self._path)
                return partial(_exists, path, wanted)
        return self._comparison()

    def _comparison(self) -> Test:
        left = self._operand()
        if self._took("IN"):
            options = self._in_parentheses(lambda: self._list(self._operand))
            return lambda scope: any(_equal(left(scope), option(scope)) for option in options)
        sign = self._next()
        right = self._operand()
        if sign == "=":
            return lambda scope: _equal(left(scope), right(scope))
        if sign == "<>":
            return lambda scope: not _equal(left(scope), right(scope))
        if sign in _ORDERINGS:
            return lambda scope: _ordered(_ORDERINGS[sign], left(scope), right(scope))
        raise Unsupported(f"{sign!r} in {self._text!r}")

    # ------------------------------------------------------------------------------------------------ updates

    def clauses(self) -> list[Change]:
        kinds = {"SET": self._set, "REMOVE": self._remove, "ADD": self._add}
        changes: list[Change] = []
        while self._at < len(self._tokens):
            keyword = self._next()
            if keyword not in kinds:
                raise Unsupported(f"{keyword!r} in {self._text!r}")
            changes += self._list(kinds[keyword])
        return changes

    def _set(self) -> Change:
        path = self._path()
        self._expect("=")
        value = self._sum()

        def change(scope: Scope, changed: dict[str, Value]) -> None:
            found = value(scope)
            if found is None:
                raise Invalid("the expression refers to an attribute that does not exist in the item")
            changed[path(scope)] = found

        return change

    def _remove(self) -> Change:
        path = self._path()
        return lambda scope, changed: changed.pop(path(scope), None)

    def _add(self) -> Change:
        path, operand = self._path(), self._operand()

        def change(scope: Scope, changed: dict[str, Value]) -> None:
            name = path(scope)
            changed[name] = _arithmetic("+", scope.item.get(name, {"N": "0"}), operand(scope))

        return change

    def _sum(self) -> Term:
        left = self._operand()
        for sign in "+-":
            if self._took(sign):
                right = self._operand()
                return partial(_added, sign, left, right)
        return left

    # ------------------------------------------------------------------------------------------------ terms

    def _operand(self) -> Term:
        if self._took("if_not_exists"):
            self._expect("(")
            path = self._path()
            self._expect(",")
            default = self._operand()
            self._expect(")")
            return lambda scope: scope.item[path(scope)] if path(scope) in scope.item else default(scope)
        if self._peek().startswith(":"):
            name = self._next()
            return lambda scope: scope.values[name]
        path = self._path()
        return lambda scope: scope.item.get(path(scope))

    def _path(self) -> Callable[[Scope], str]:
        token = self._next()
        if token.startswith("#"):
            return lambda scope: scope.names[token]
        if not token.isidentifier() or token in _WORDS or self._peek() == "(":
            raise Unsupported(f"{token!r} in {self._text!r}")
        return lambda _scope: token

    def _in_parentheses(self, parse: Callable[[], Any]) -> Any:
        self._expect("(")
        found = parse()
        self._expect(")")
        return found

    def _list(self, parse: Callable[[], Any]) -> list[Any]:
        found = [parse()]
        while self._took(","):
            found.append(parse())
        return found

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _took(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._at += 1
        return True

    def _expect(self, token: str) -> None:
        if not self._took(token):
            raise Unsupported(f"{self._peek()!r} where {token!r} was expected in {self._text!r}")


def _plain(value: Value) -> tuple[str, Any]:
    ((kind, content),) = value.items()
    return kind, Decimal(content) if kind == "N" else content


def _exists(path: Callable[[Scope], str], wanted: bool, scope: Scope) -> bool:
    return (path(scope) in scope.item) is wanted


def _added(sign: str, left: Term, right: Term, scope: Scope) -> Value | None:
    return _arithmetic(sign, left(scope), right(scope))


def _equal(left: Value | None, right: Value | None) -> bool:
    return left is not None and right is not None and eq(_plain(left), _plain(right))


def _ordered(compare: Callable[[Any, Any], bool], left: Value | None, right: Value | None) -> bool:
    """Compare two of one kind; what is missing or of another kind is in no order."""
    if left is None or right is None:
        return False
    (kind, one), (other_kind, other) = _plain(left), _plain(right)
    return kind == other_kind and compare(one, other)


def _arithmetic(sign: str, left: Value | None, right: Value | None) -> Value:
    if left is None or right is None:
        raise Invalid("the expression refers to an attribute that does not exist in the item")
    (kind, one), (other_kind, other) = _plain(left), _plain(right)
    if (kind, other_kind) != ("N", "N"):
        raise Invalid("an operand in the update expression has an incorrect data type")
    return {"N": format(one + other if sign == "+" else one - other, "f")}
