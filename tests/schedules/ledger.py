"""The model: what any write may do to an order and its stock, and what a mail needs.

It is told of every commit as it happens, so that a wrong step is named and not only a wrong end.
"""

from collections import Counter
from dataclasses import dataclass, field

from functions.shared.row import MAIL_FOLLOWED_BY, MAIL_NOT_LEFT, Row
from ops.books.balance import find_imbalances
from tests.functions.cloud import INVENTORY, ORDERS
from tests.schedules.dynamodb import Change
from tests.schedules.expressions import Item

# From each status to those that may follow; an order that is not there yet is None.
FOLLOWS: dict[str | None, set[str]] = {
    None: {"PROCESSING", "FAILED"},
    "PROCESSING": {"PROCESSING", "CONFIRMED", "REJECTED", "FAILED"},
    "CONFIRMED": {"CONFIRMED", "FAILED"},
    "FAILED": {"PROCESSING", "FAILED"},
    "REJECTED": set(),
    "CANCELLED": {"CANCELLED"},
}
# And what only an operator does, to an order whose mail has certainly not left.
CANCELLED_FROM = {None, "PROCESSING", "CONFIRMED", "FAILED"}


@dataclass
class Ledger:
    """What there is in all, and what has become of each order so far; whether an operator may cancel one."""

    operator: bool = False
    supply: Counter[str] = field(default_factory=Counter)
    confirmed_once: set[str] = field(default_factory=set)
    mails: Counter[str] = field(default_factory=Counter)
    approved: Counter[str] = field(default_factory=Counter)  # further mails that a person has agreed to
    by_hand: set[str] = field(default_factory=set)  # claims of mails that a person has had sent
    transitions: Counter[tuple[str | None, str]] = field(default_factory=Counter)

    def watch(self, changes: list[Change]) -> None:
        """Hold one commit of a function against what it may do."""
        moved: Counter[str] = Counter()
        expected: Counter[str] = Counter()
        for change in changes:
            if change.table == INVENTORY:
                assert change.old is not None, f"an item out of nothing: {change}"
                moved[change.key] += available(change.new) - available(change.old)
                assert available(change.new) >= 0, f"{change.key} below 0"
        for change in changes:
            if change.table == ORDERS:
                self._check_order(change)
                old, new = status(change.old), status(change.new)
                if new == "CONFIRMED" != old:
                    expected.subtract(lines(change.new))
                elif old == "CONFIRMED" != new:
                    expected.update(lines(change.new))
        assert +moved == +expected, f"stock moved by {moved}, not {expected}: {changes}"
        assert -moved == -expected, f"stock moved by {moved}, not {expected}: {changes}"

    def mail(self, order_id: str) -> None:
        """SES takes a mail for this order."""
        assert order_id in self.confirmed_once, f"a mail for {order_id}, which was never CONFIRMED"
        self.mails[order_id] += 1
        assert self.mails[order_id] <= 1 + self.approved[order_id], f"{order_id} gets a second mail"

    def keep_mail(self, order_id: str) -> None:
        """SES has taken a mail, and does not let it out."""
        self.mails[order_id] -= 1

    def check(self, rows: dict[str, dict[str, Item]]) -> None:
        """Per item: all there ever was = what is available + what the CONFIRMED orders hold."""
        left = {item_id: available(stock) for item_id, stock in rows[INVENTORY].items()}
        wrong = [*find_imbalances(map(Row.from_item, rows[ORDERS].values()), available=left, moved=self.supply)]
        assert not wrong, wrong

    def _check_order(self, change: Change) -> None:
        found, left = _read(change.old), _read(change.new)
        old, new = found.status, left.status
        assert new is not None, f"a row without a status: {change}"
        mail, mail_now = found.email_status, left.email_status
        # A person has the mail sent again: it may be claimed whatever the row says of it.
        by_hand = mail_now == "SENDING" and left.email_claim in self.by_hand
        self.transitions[old, new] += 1
        if old == new and mail != mail_now:
            assert by_hand or mail_now in MAIL_FOLLOWED_BY[mail], f"mail {mail} to {mail_now}: {change}"
            assert mail_now != "SENDING" or new == "CONFIRMED", f"a mail claimed: {change}"
            if mail_now == "SENDING" and not by_hand:
                assert not found.mail_was_kept, f"a mail claimed that SES kept: {change}"
                assert found.email_earlier is None, f"a second mail claimed: {change}"
        else:
            assert mail == mail_now or (mail_now in MAIL_FOLLOWED_BY[mail]), f"mail {mail} to {mail_now}: {change}"
            cancelled = self.operator and new == "CANCELLED" and old in CANCELLED_FROM
            assert old == new or cancelled or new in FOLLOWS[old], f"{old} to {new}: {change}"
        assert mail_now == "SENDING" or found.email_claim == left.email_claim, f"another mail's: {change}"
        known = found.email_earlier
        if by_hand and found.email_claim != left.email_claim and mail not in MAIL_NOT_LEFT:
            known = mail
        assert left.email_earlier == known, f"that a mail may be out is forgotten: {change}"
        before, after = found.attempt or 0, left.attempt or 0
        assert after >= before, f"back to attempt {after}: {change}"
        if (old, new) in (("FAILED", "PROCESSING"), ("FAILED", "FAILED")):
            assert after > before, f"a closed attempt is opened: {change}"
        if old in ("CONFIRMED", "REJECTED", "CANCELLED") or (old == "PROCESSING" and new in ("CONFIRMED", "REJECTED")):
            assert after == before, f"by a foreign attempt: {change}"
        if (old, new) == ("CONFIRMED", "FAILED"):
            assert mail is None, f"taken back although a mail was tried: {change}"
        if (old, new) == ("CONFIRMED", "CANCELLED"):
            assert mail in MAIL_NOT_LEFT, f"cancelled although a mail may have left: {change}"
            assert known is None, f"cancelled although an earlier mail may have left: {change}"
        if change.old is not None:
            assert change.old.get("items") == change.new.get("items"), f"other content: {change}"
            assert change.old["created_at"] == change.new["created_at"], f"created again: {change}"
        if new == "CONFIRMED":
            self.confirmed_once.add(change.key)


def status(item: Item | None) -> str | None:
    return Row.from_item(item).status if item else None


def attempt(item: Item | None) -> int:
    """Give a row's attempt; 0 without a row, or if it was cancelled before it was placed."""
    return (Row.from_item(item).attempt or 0) if item else 0


def email(item: Item | None) -> str | None:
    return Row.from_item(item).email_status if item else None


def was_kept(item: Item | None) -> bool:
    """Tell whether the row says that SES took the mail and then rejected it."""
    return bool(item) and Row.from_item(item).mail_was_kept


def lines(item: Item) -> dict[str, int]:
    """Give an order's items; none if it was cancelled before it was placed."""
    return {line.item_id: line.quantity for line in Row.from_item(item).lines}


def _read(item: Item | None) -> Row:
    """Read a row once for all that is asked of it; one that is not there has nothing."""
    return Row.from_item(item) if item else Row("")


def available(item: Item) -> int:
    return int(item["available"]["N"])
