"""`python -m ops.cli`, the same as `orders`."""

from ops.cli.start import main

main()
