"""`python -m ops`, the same as `orders`."""

from ops.start import main

main()
