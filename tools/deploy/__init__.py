"""A deploy to AWS, which says first what it would take away."""
