"""What the logs do not hold. Named so as to run last: it reads the logs of all that the other tests here did."""

import json

from tests.deployed.conftest import DeployedPipeline, wait_for


def test_no_address_and_no_mail_stands_in_any_log(pipeline: DeployedPipeline) -> None:
    """Not even of a message that is refused for its address."""
    pipeline.put_stock(pin=1)
    items = [{"item_id": "pin", "quantity": 1}]
    pipeline.publish(
        {"order_id": "private", "customer_email": "private@example.com", "items": items},
        {"order_id": "spoilt", "customer_email": "spoilt@example.com, other@example.com", "items": items},
    )
    wait_for(lambda: pipeline.row("private").get("email_status"), lambda status: status == "SENT")
    (letter,) = wait_for(pipeline.take_dead_letters, bool)
    assert (json.loads(letter.body)["order_id"], letter.error_type) == ("spoilt", "InvalidOrder")

    lines = wait_for(pipeline.log_lines, lambda found: any('"MailsSent"' in line for line in found))
    assert any("OrdersRefused" in line for line in lines)
    assert pipeline.leaks() == []
