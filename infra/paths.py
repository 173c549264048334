"""Paths of the repository's files."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
DEFINITION: Final = ROOT / "statemachine" / "order_processing.asl.json"
