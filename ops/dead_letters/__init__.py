"""The dead letter queues, and the commands for them."""
