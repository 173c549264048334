"""SES's report about a mail, as EventBridge delivers it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from functions.shared.mail_tags import from_tags
from functions.shared.observability import without_addresses
from functions.track_email.ses_events import SES_EVENTS

_STATUSES: Final = {event.detail_type: event.status for event in SES_EVENTS}


@dataclass(frozen=True, slots=True)
class MailEvent:
    """One event of a mail of ours: what has become of it, and SES's reason where that is bad, without an address."""

    order_id: str
    claim: str
    message_id: str
    status: str
    reason: str

    @classmethod
    def parse(cls, body: str) -> Self | None:
        """Read a message's body, which is the event; None for a mail that is not ours, or of no interest.

        Raises:
            ValueError: the message is no event of SES.
        """
        try:
            event = json.loads(body)
            status, detail = _STATUSES.get(event["detail-type"]), event["detail"]
            ours = from_tags(detail["mail"].get("tags", {})) if status else None
            if status is None or ours is None:
                return None
            claim, order_id = ours
            return cls(
                order_id, claim, detail["mail"]["messageId"], status, without_addresses(_describe_problem(detail))
            )
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as broken:
            raise ValueError(f"no event of SES: {type(broken).__name__}") from broken


def _describe_problem(detail: Mapping[str, Any]) -> str:
    """Put into words why a mail did not arrive or was not wanted; most of what SES knows is optional.

    https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
    """
    bounce, complaint, reject = (detail.get(kind) or {} for kind in ("bounce", "complaint", "reject"))
    said = [
        bounce.get("bounceType"),
        bounce.get("bounceSubType"),
        *(recipient.get("diagnosticCode") for recipient in bounce.get("bouncedRecipients", ())),
        complaint.get("complaintFeedbackType"),
        complaint.get("complaintSubType"),
        reject.get("reason"),
    ]
    return ": ".join(text for text in said if text)
