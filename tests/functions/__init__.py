"""The functions one by one, on moto's tables and queues."""
