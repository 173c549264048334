"""`python -m ops.cli`, the same as `orders`."""

from ops.cli.app import main

main()
