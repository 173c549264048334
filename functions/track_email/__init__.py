"""Writes down what SES tells of a mail after it was sent: delivered, bounced, complained of, rejected."""
