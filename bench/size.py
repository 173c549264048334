"""The layer's size, as Lambda stores and loads it."""

from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure
from bench.layout import zip_tree
from infra.assets import build

LARGEST = 6  # MB, zipped
METHOD = "the layer built for Lambda, arm64, zipped as CDK does"


def measure_layer(directory: Path) -> Iterator[Figure]:
    """Zip the layer that a deploy would upload."""
    layer = build.build_layer()
    archive = zip_tree(layer, directory / "lambda-layer.zip")
    unzipped = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    yield Figure(
        name="dependencies layer",
        value=archive.stat().st_size / 1e6,
        unit="MB",
        bound=LARGEST,
        note=f"{unzipped / 1e6:.1f} MB unzipped",
    )
