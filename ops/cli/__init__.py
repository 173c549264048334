"""`orders`, the operator's command line; a thin layer of words and tables over the modules of `ops`."""
