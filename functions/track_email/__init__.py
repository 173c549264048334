"""Writes down what SES reports of a mail after it was sent: delivered, bounced, complained of, rejected."""
