"""A measured figure and its bound, and how they are printed."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number; without a bound it is there for information."""

    name: str
    value: float
    unit: str = ""
    bound: float | None = None
    exact: bool = False
    note: str = ""

    @property
    def holds(self) -> bool:
        """Tell whether the figure is within its bound; an `exact` one must be the bound itself."""
        if self.bound is None:
            return True
        return self.value == self.bound if self.exact else self.value <= self.bound

    def __str__(self) -> str:
        if self.bound is None:
            verdict = ""
        else:
            relation = "=" if self.exact else "≤"
            verdict = f"{relation} {_format_value(self.bound)}  {'ok' if self.holds else 'OVER'}"
        return f"  {self.name:<44}{_format_value(self.value):>8} {self.unit:<6}{verdict:<16}{self.note}".rstrip()


def print_section(title: str, method: str, figures: Iterable[Figure]) -> list[Figure]:
    """Print one section as it is measured, and hand its figures back."""
    print(f"\n{title}\n  ({method})", flush=True)
    shown = []
    for figure in figures:
        print(figure, flush=True)
        shown.append(figure)
    return shown


def _format_value(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3f}".rstrip("0")
