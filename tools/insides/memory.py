"""What moto holds in memory: rows, mails, executions. Through its API, that alone took half of the tests' time.

Rows are in DynamoDB's own shape: `{"order_id": {"S": "12345"}, …}`.
"""

from typing import Any, Final

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.ses.models import ses_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.models import Execution, stepfunctions_backends

from ops.local_aws import REGION

ACCOUNT: Final = DEFAULT_ACCOUNT_ID

Row = dict[str, Any]


def clear_tables() -> None:
    """Delete the rows of all tables."""
    for table in dynamodb_backends[ACCOUNT][REGION].tables.values():
        table.items.clear()


def put_row(table: str, row: Row) -> None:
    """Write a row, whatever was there."""
    dynamodb_backends[ACCOUNT][REGION].put_item(table, row)


def read_row(table: str, key: Row) -> Row | None:
    """Read a row; None if there is none."""
    item = dynamodb_backends[ACCOUNT][REGION].get_item(table, key)
    return item.to_json()["Attributes"] if item else None


def read_rows(table: str) -> list[Row]:
    """Read all rows of a table."""
    items: Any = dynamodb_backends[ACCOUNT][REGION].tables[table].items
    return [item.to_json()["Attributes"] for item in items.values()]


def read_mails() -> list[Any]:
    """Give the mails that SES has accepted."""
    return list(ses_backends[ACCOUNT][REGION].sent_messages)


def forget_mails() -> None:
    """Forget the mails; the verified addresses stay."""
    ses_backends[ACCOUNT][REGION].sent_messages.clear()


def reset_services() -> None:
    """Begin anew with SES, SQS and Step Functions."""
    for backends in (ses_backends, sqs_backends, stepfunctions_backends):
        backends[ACCOUNT][REGION].reset()


def list_executions() -> list[Execution]:
    """Give the executions of the only state machine. A test may write to them: moto ends none that it does not run."""
    return list(stepfunctions_backends[ACCOUNT][REGION].state_machines[0].executions)
