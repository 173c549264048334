"""Measures, prints and judges everything; exits with 1 if a figure is over its bound."""

import platform
import sys
import tempfile
from pathlib import Path

from bench import cold, cost, order, size, warm
from bench.figures import print_section
from bench.layout import lay_out
from infra.assets.build import BUILD, BuildError


def main() -> int:
    """Run the whole benchmark."""
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=BUILD) as scratch:
        directory = Path(scratch)
        layout = lay_out(directory)
        print(f"Python {layout.python} on {platform.machine()}, {platform.system()}")
        usages = order.count_usage(*order.SIZES)
        figures = [
            *print_section("Cold start", cold.METHOD, cold.measure_cold_starts(layout)),
            *print_section("Warm start", warm.METHOD, warm.measure_warm_invocations(layout)),
            *print_section("Size", size.METHOD, size.measure_layer(directory)),
            *print_section("One order", order.METHOD, order.compare_usages(usages)),
            *print_section("Cost of a million orders", cost.METHOD, cost.price_usage(usages[1])),
        ]
    over = [figure.name for figure in figures if not figure.holds]
    print(f"\nOver the bound: {', '.join(over)}" if over else "\nEverything is within its bound.")
    return 1 if over else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BuildError as error:
        sys.exit(str(error))
