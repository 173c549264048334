"""`orders stock` against the deployed stack; the ways it can end are in `tests/ops/test_commands.py`."""

from tests.deployed.commands.conftest import Orders
from tests.deployed.conftest import DeployedPipeline


def test_stock_moves_and_every_movement_shows_who_when_and_why(orders: Orders, pipeline: DeployedPipeline) -> None:
    file = orders.folder / "count.csv"
    file.write_text("item_id,available\nledger-tea,9\nledger-cup,3\n", encoding="utf-8")
    assert orders("stock", "add", "ledger-tea", "10", "--reason", "first [bold]delivery").out == (
        "ledger-tea: +10, 10 available now\n"
    )
    imported = orders("stock", "import", str(file), "--yes")
    assert imported.out.endswith("2 items: 1 new, 1 changed, 0 as they were\n")

    (item,) = orders.json("stock", "show", "ledger-tea", schema="stock-show")["items"]
    assert (item["available"], item["movements"]) == (9, 2)
    assert [(one["number"], one["change"], one["reason"]) for one in item["history"]] == [
        (1, 10, "first [bold]delivery"),
        (2, -1, "import of count.csv"),
    ]
    assert all(one["moved_by"].startswith("arn:aws:") for one in item["history"])
    assert pipeline.stock("ledger-cup") == 3
    unknown = orders("stock", "show", "no-such-item")
    assert (unknown.code, unknown.out) == (1, "")


def test_without_a_stack_a_command_has_no_answer(orders: Orders) -> None:
    nowhere = orders.run("--local", "stock", "show", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert (nowhere.code, nowhere.out) == (3, "")
    assert "nothing answers at AWS_ENDPOINT_URL=http://127.0.0.1:1: unset it" in nowhere.err
    missing = orders.run("--stage", "prod", "stock", "show")
    assert (missing.code, missing.out) == (3, "")
    assert "no stack order-processing-prod: this shell is pointed at the local AWS" in missing.err
    assert orders.run("stock", "show").code == 2
