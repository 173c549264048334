"""A stack without an account: the local AWS, the demo and the load test that run on it."""
