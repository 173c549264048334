"""Code that two or more functions need: the order, its row, the domain's errors, AWS clients, logs and metrics."""
