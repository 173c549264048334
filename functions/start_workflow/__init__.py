"""Starts one execution an order, from the messages of the order queue."""
