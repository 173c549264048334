"""Mails: addresses, the sandbox, sending again, and the commands for them."""
