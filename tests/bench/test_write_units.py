"""DynamoDB's own rules of size and cost, on which the benchmark's count of write units rests."""

from typing import Any

import pytest

from bench.figures import Figure
from bench.write_units import item_size, list_written_rows, write_units


@pytest.mark.parametrize(
    ("row", "size"),
    [
        ({"id": {"S": "abc"}}, 5),
        ({"id": {"S": "é"}}, 4),  # UTF-8
        ({"n": {"N": "1000000"}}, 3),  # one significant digit: zeros at the end are not stored
        ({"n": {"N": "123"}}, 4),
        ({"n": {"N": "-123"}}, 5),
        ({"b": {"BOOL": True}}, 2),
        ({"l": {"L": []}}, 4),
        ({"l": {"L": [{"S": "ab"}, {"S": "c"}]}}, 9),  # 1 for each element beside its value
        ({"m": {"M": {"k": {"S": "v"}}}}, 7),
    ],
)
def test_a_row_is_as_large_as_dynamodb_says(row: dict[str, Any], size: int) -> None:
    assert item_size(row) == size


def row_of(size: int) -> dict[str, Any]:
    return {"a": {"S": "x" * (size - 1)}}


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, row_of(1024), 1),
        (None, row_of(1025), 2),
        (row_of(3000), row_of(10), 3),  # the larger of the two is paid
        (None, None, 1),
    ],
)
def test_a_write_costs_a_unit_for_each_kilobyte_of_the_larger_row(
    before: dict[str, Any] | None, after: dict[str, Any] | None, units: int
) -> None:
    assert write_units("UpdateItem", [before], [after]) == units
    assert write_units("TransactWriteItems", [before], [after]) == 2 * units


def test_a_call_whose_cost_is_unknown_is_not_taken_for_free() -> None:
    with pytest.raises(ValueError, match="PutItem"):
        list_written_rows("PutItem", {})


@pytest.mark.parametrize(
    ("value", "bound", "exact", "holds"),
    [(3, 3, True, True), (2, 3, True, False), (2, 3, False, True), (3.01, 3, False, False), (9, None, False, True)],
)
def test_a_figure_holds_its_bound(value: float, bound: float | None, *, exact: bool, holds: bool) -> None:
    assert Figure(name="a figure", value=value, bound=bound, exact=exact).holds == holds
