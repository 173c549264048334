"""Entry point of `orders`. If the command line's dependencies are not installed, one line says so."""

import sys
from importlib import import_module

_NEEDED = ("psutil", "rich", "typer")


def main() -> None:
    """Run the command line."""
    try:
        app = import_module("ops.app")
    except ModuleNotFoundError as missing:
        if missing.name not in _NEEDED:
            raise
        sys.stderr.write(
            f"error: {missing.name} is not installed;"
            " install the wheel with its extra, as in `pip install 'WHEEL[cli]'`\n"
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(130)  # as a shell reports SIGINT
    app.main()
