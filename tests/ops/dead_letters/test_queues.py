"""The dead letters, in queues that give ten a call and any of them again."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from time import monotonic
from typing import Any

import pytest

from functions.shared.mail_tags import to_tags
from ops.dead_letters import queues as dead_letters
from ops.dead_letters.actions import drop_letters, redrive_letters
from ops.dead_letters.advice import give_advice
from ops.dead_letters.dead_letter import MAIL_EVENTS, ORDERS, RELEASES, DeadLetter
from ops.dead_letters.queues import Peek, find_message, peek_queues
from ops.errors import BadInput, Refused
from ops.stack import Stack
from tests.dead_letters import dead_letter
from tests.ops.moto_stack import moto_stack

ORDER = {"order_id": "12345", "customer_email": "customer@example.com", "items": [{"item_id": "tea", "quantity": 1}]}
ABANDONED = {"source": "aws.states", "detail": {"status": "ABORTED", "input": json.dumps({**ORDER, "attempt": 1})}}
REFUSED = {"error_type": "InvalidOrder", "error_message": "items: must be a list of at least one item"}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setattr(dead_letters, "_WAIT", 0)
    with moto_stack(queues=True) as made:
        yield made


def lay(stack: Stack, queue: str, body: Any, **attributes: str) -> str:
    """Put a letter into a queue, and give its id."""
    answer = stack.client("sqs").send_message(
        QueueUrl=stack[dead_letters.QUEUES[queue]],
        MessageBody=body if isinstance(body, str) else json.dumps(body),
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )
    return str(answer["MessageId"])


def bodies_in(stack: Stack, output: str) -> list[str]:
    """Give the bodies that anybody who asks now is given."""
    bodies: list[str] = []
    while (
        messages := stack.client("sqs").receive_message(QueueUrl=stack[output], MaxNumberOfMessages=10).get("Messages")
    ):
        bodies += [message["Body"] for message in messages]
    return sorted(bodies)


def mail_event(order_id: str) -> dict[str, Any]:
    tags = {tag["Name"]: [tag["Value"]] for tag in to_tags("claim-1", order_id)}
    return {"detail-type": "Email Delivered", "detail": {"eventType": "Delivery", "mail": {"tags": tags}}}


@dataclass
class Partly:
    """SQS that fails the entries of one operation whose position is in `positions`."""

    sqs: Any
    operation: str
    positions: tuple[int, ...]

    def __getattr__(self, operation: str) -> Any:
        real = getattr(self.sqs, operation)
        if operation != self.operation:
            return real

        def partly(*, QueueUrl: str, Entries: list[dict[str, Any]]) -> Mapping[str, Any]:  # noqa: N803 - boto3's names
            kept = [entry for n, entry in enumerate(Entries) if n not in self.positions]
            answer = real(QueueUrl=QueueUrl, Entries=kept) if kept else {}
            lost = [entry["Id"] for n, entry in enumerate(Entries) if n in self.positions]
            failed = [
                {"Id": id_, "Code": "InternalError", "Message": "try again", "SenderFault": False} for id_ in lost
            ]
            return {**answer, "Failed": failed}

        return partly


def test_every_letter_of_a_long_queue_is_shown_once_and_stays(stack: Stack) -> None:
    ids = {lay(stack, ORDERS, f"letter {number}") for number in range(25)}

    assert {letter.message_id for letter in peek_queues(stack).letters} == ids
    assert len(peek_queues(stack, [ORDERS]).letters) == 25  # so at once: none is hidden
    assert len(bodies_in(stack, "OrderDlqUrl")) == 25


def test_letters_are_visible_again_even_if_reading_breaks_off(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(stack, ORDERS, "one")
    receive, calls = dead_letters._receive_batch, iter(range(2))

    def cut_at_the_second(*arguments: Any) -> Any:
        if next(calls):
            raise OSError("broken off")
        return receive(*arguments)

    monkeypatch.setattr(dead_letters, "_receive_batch", cut_at_the_second)
    with pytest.raises(OSError, match="broken off"):
        peek_queues(stack, [ORDERS])
    assert bodies_in(stack, "OrderDlqUrl") == ["one"]


def take(stack: Stack, queue: str) -> dict[str, str]:
    """Take letters as somebody else who looks; give their ids and receipts."""
    answer = stack.client("sqs").receive_message(
        QueueUrl=stack[dead_letters.QUEUES[queue]], MaxNumberOfMessages=10, VisibilityTimeout=60
    )
    return {message["MessageId"]: message["ReceiptHandle"] for message in answer["Messages"]}


def let_go(stack: Stack, queue: str, held: dict[str, str]) -> None:
    for receipt in held.values():
        stack.client("sqs").change_message_visibility(
            QueueUrl=stack[dead_letters.QUEUES[queue]], ReceiptHandle=receipt, VisibilityTimeout=0
        )


def test_letters_that_somebody_else_holds_are_counted_as_unread_until_they_let_go(stack: Stack) -> None:
    for number in range(25):
        lay(stack, ORDERS, f"letter {number}")
    held = take(stack, ORDERS)
    found = peek_queues(stack)
    assert (len(found.letters), found.unread) == (15, 10)
    assert found.gap is not None
    assert found.gap.startswith("10 more dead letters could not be read: somebody else is looking")
    let_go(stack, ORDERS, held)
    found = peek_queues(stack)
    assert (len(found.letters), found.unread, found.gap) == (25, 0, None)


def test_a_reading_that_is_broken_off_gives_the_letters_of_all_queues_back_at_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(stack, ORDERS, "one")
    receive, began, are_held = dead_letters._receive_batch, monotonic(), Event()

    def never_done(sqs: Any, url: str, hold: int) -> Any:
        if "Release" in url:
            assert are_held.wait(5)
            raise KeyboardInterrupt
        are_held.set()
        seen.extend(receive(sqs, url, hold) or ())
        return seen

    seen = list[Any]()
    monkeypatch.setattr(dead_letters, "_receive_batch", never_done)
    with pytest.raises(KeyboardInterrupt):
        peek_queues(stack, [ORDERS, RELEASES])
    assert monotonic() - began < dead_letters._HOLD / 2
    assert bodies_in(stack, "OrderDlqUrl") == ["one"]


def test_only_the_queues_that_are_named_are_read(stack: Stack) -> None:
    lay(stack, ORDERS, ORDER)
    lay(stack, RELEASES, ABANDONED)
    assert [letter.queue for letter in peek_queues(stack, [RELEASES]).letters] == [RELEASES]


@pytest.mark.parametrize(
    ("queue", "body", "attributes", "told"),
    [
        pytest.param(ORDERS, ORDER, REFUSED, ("12345", *REFUSED.values()), id="refused by the starter"),
        pytest.param(ORDERS, ORDER, {}, ("12345", None, None), id="moved by SQS"),
        pytest.param(
            ORDERS,
            ORDER,
            {"ErrorCode": "KMS.AccessDenied", "ErrorMessage": "no key", "RequestID": "1"},
            ("12345", None, "SNS could not deliver it: KMS.AccessDenied: no key"),
            id="not delivered by SNS",
        ),
        pytest.param(
            RELEASES,
            ABANDONED,
            {"ERROR_CODE": "THROTTLING", "ERROR_MESSAGE": "rate exceeded"},
            ("12345", "THROTTLING", "rate exceeded"),
            id="not delivered by EventBridge",
        ),
        pytest.param(
            RELEASES,
            {
                "requestContext": {"condition": "RetriesExhausted"},
                "requestPayload": ABANDONED,
                "responsePayload": {"errorType": "TransientError", "errorMessage": "UpdateItem: Throttling"},
            },
            {},
            ("12345", "TransientError", "UpdateItem: Throttling"),
            id="the release raised",
        ),
        pytest.param(
            RELEASES,
            {"requestContext": {"condition": "EventAgeExceeded"}, "requestPayload": ABANDONED},
            {},
            ("12345", "EventAgeExceeded", None),
            id="the release never ran",
        ),
        pytest.param(MAIL_EVENTS, mail_event("12345"), {}, ("12345", None, None), id="a mail's event"),
        pytest.param(
            MAIL_EVENTS, mail_event("Bestellung № 1"), {}, ("Bestellung № 1", None, None), id="an id in pieces"
        ),
        pytest.param(MAIL_EVENTS, {"detail": {"mail": {"tags": {"claim": 1}}}}, {}, (None, None, None), id="odd tags"),
        pytest.param(ORDERS, "no json", REFUSED, (None, *REFUSED.values()), id="no JSON"),
        pytest.param(ORDERS, {"order_id": 7}, REFUSED, (None, *REFUSED.values()), id="an id that is no text"),
        pytest.param(RELEASES, {"detail": {"input": "[]"}}, {}, (None, None, None), id="no order's execution"),
    ],
)
def test_a_letter_tells_its_order_and_its_reason(
    stack: Stack, queue: str, body: Any, attributes: dict[str, str], told: tuple[str | None, ...]
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    lay(stack, queue, body, **attributes)
    (letter,) = peek_queues(stack).letters
    assert letter.queue == queue
    assert (letter.order_id, letter.error_type, letter.error_message) == told
    assert letter.was_refused == (attributes == REFUSED)
    assert before <= letter.sent_at <= datetime.now(UTC)
    assert letter.receive_count == 1


@dataclass
class Moving:
    """SQS that says of each message in the order DLQ that its redrive policy moved it there, as the real one does."""

    sqs: Any

    def __getattr__(self, operation: str) -> Any:
        return getattr(self.sqs, operation)

    def receive_message(self, **parameters: Any) -> Any:
        answer = self.sqs.receive_message(**parameters)
        if "DeadLetterQueueSourceArn" in parameters["MessageSystemAttributeNames"]:
            for message in answer.get("Messages", ()):
                message["Attributes"]["DeadLetterQueueSourceArn"] = "arn:aws:sqs:us-west-2:123456789012:orders"
        return answer


def test_what_sqs_moved_was_not_refused_whatever_attributes_its_publisher_gave_it(stack: Stack) -> None:
    lay(stack, ORDERS, ORDER, **REFUSED)
    stack._clients["sqs"] = Moving(stack.client("sqs"))
    (letter,) = peek_queues(stack, [ORDERS]).letters
    assert (letter.was_refused, letter.error_type, letter.error_message) == (False, None, None)
    assert "`orders dlq redrive" in give_advice(letter)


def test_a_letter_is_found_by_its_id_or_what_of_it_tells_it_apart() -> None:
    one, other = dead_letter(message_id="abcdef12-1"), dead_letter(message_id="abcdef12-2")
    assert find_message(Peek([one, other], 0), "abcdef12-2") is other
    assert find_message(Peek([one], 0), "ABC") is one
    with pytest.raises(BadInput, match=r"fits 2 dead letters: abcdef12-1, abcdef12-2"):
        find_message(Peek([one, other], 0), "abcdef12")
    for missing in ("b", ""):
        with pytest.raises(Refused, match="no dead letter"):
            find_message(Peek([one, other], 0), missing)


def test_a_redriven_letter_is_in_the_queue_it_came_from_unchanged_and_nowhere_else(stack: Stack) -> None:
    body = json.dumps(ORDER, indent=3)
    lay(stack, ORDERS, body)
    lay(stack, MAIL_EVENTS, "event")
    lay(stack, ORDERS, "left alone")
    letters = [letter for letter in peek_queues(stack).letters if letter.body != "left alone"]

    outcome = redrive_letters(stack, letters)

    assert (len(outcome.done), outcome.failed, outcome.gone) == (2, [], [])
    assert bodies_in(stack, "OrderQueueUrl") == [body]
    assert bodies_in(stack, "MailEventQueueUrl") == ["event"]
    assert [letter.body for letter in peek_queues(stack).letters] == ["left alone"]


def test_what_sqs_does_not_take_stays_a_letter_and_the_rest_goes(stack: Stack) -> None:
    for number in range(3):
        lay(stack, ORDERS, f"{number}")
    letters = peek_queues(stack).letters
    stack._clients["sqs"] = Partly(stack.client("sqs"), "send_message_batch", (1,))

    outcome = redrive_letters(stack, letters)

    assert (len(outcome.done), len(outcome.failed)) == (2, 1)
    ((failed, reason),) = outcome.failed
    assert reason == "InternalError: try again"
    assert [letter.body for letter in peek_queues(stack).letters] == [failed.body]
    assert failed.body not in bodies_in(stack, "OrderQueueUrl")


def test_a_letter_that_was_sent_and_could_not_be_deleted_is_told(stack: Stack) -> None:
    lay(stack, ORDERS, "twice")
    letters = peek_queues(stack).letters
    stack._clients["sqs"] = Partly(stack.client("sqs"), "delete_message_batch", (0,))

    ((_, reason),) = redrive_letters(stack, letters).failed

    assert reason.startswith("its letter could not be deleted: InternalError")
    assert bodies_in(stack, "OrderQueueUrl") == bodies_in(stack, "OrderDlqUrl") == ["twice"]


def test_letters_that_no_single_call_carries_are_redriven(stack: Stack) -> None:
    large = [str(number) * 150_000 for number in range(3)]
    for body in large:
        lay(stack, ORDERS, body)
    assert len(redrive_letters(stack, peek_queues(stack).letters).done) == 3
    assert bodies_in(stack, "OrderQueueUrl") == large


def test_a_letter_that_somebody_else_took_meanwhile_is_told(stack: Stack) -> None:
    lay(stack, ORDERS, "one")
    (letter,) = peek_queues(stack).letters
    stack.client("sqs").purge_queue(QueueUrl=stack["OrderDlqUrl"])
    assert redrive_letters(stack, [letter]).gone == [letter]
    assert bodies_in(stack, "OrderQueueUrl") == []


def test_a_dropped_letter_was_kept_before_it_was_deleted(stack: Stack) -> None:
    lay(stack, RELEASES, "kept")
    kept: list[str] = []
    outcome = drop_letters(stack, peek_queues(stack).letters, lambda letter: kept.append(letter.body))
    assert (kept, len(outcome.done), peek_queues(stack).letters) == (["kept"], 1, [])


def test_a_letter_that_could_not_be_kept_is_not_dropped(stack: Stack) -> None:
    def full(_letter: DeadLetter) -> None:
        raise OSError("no space left")

    lay(stack, ORDERS, "one")
    with pytest.raises(OSError, match="no space"):
        drop_letters(stack, peek_queues(stack).letters, full)
    assert bodies_in(stack, "OrderDlqUrl") == ["one"]


@pytest.mark.parametrize(
    ("letter", "told"),
    [
        (
            dead_letter(error_type="InvalidOrder"),
            "publish it again, under the same id unless `orders show` finds an order",
        ),
        (dead_letter(error_type="ConflictingOrder"), "another order has this id"),
        (dead_letter(), "`orders dlq redrive abcdef12`"),
        (dead_letter(queue=RELEASES), "`orders retry 12345`"),
        (dead_letter(queue=RELEASES, order_id="A" * 2049), "nothing is held: `orders dlq drop abcdef12`"),
        (dead_letter(queue=RELEASES, order_id=None), "nothing is held: `orders dlq drop abcdef12`"),
        (dead_letter(queue=MAIL_EVENTS), "`orders dlq redrive abcdef12`"),
    ],
)
def test_each_letter_says_what_to_do_about_it(letter: DeadLetter, told: str) -> None:
    assert told in give_advice(letter)
