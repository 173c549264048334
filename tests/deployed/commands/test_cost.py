"""`orders cost` as a process: it needs no stack, only this machine."""

from tests.deployed.commands.conftest import Orders


def test_an_order_is_counted_and_priced_without_any_aws(orders: Orders) -> None:
    answer = orders.run("cost", "--orders", "1000000", "--items", "2", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert answer.code == 0, answer
    for told in ("1,000,000 orders", "SES", "Step Functions", "write units", "Orders of 2 items"):
        assert told in answer.out
