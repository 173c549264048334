"""The subject of an order's mail. By it a mail is found again, without the mailer and its templates."""


def join_lines(text: str) -> str:
    """Keep a line break in an id from adding a header, or a line to the list of items."""
    return " ".join(text.splitlines())


def write_subject(order_id: str) -> str:
    """Write the subject of an order's confirmation."""
    return join_lines(f"Your order {order_id} is confirmed")
