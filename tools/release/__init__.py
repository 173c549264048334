"""A release: what must be true of it, its notes, its wheel, and its tag."""
