"""The events of SES that are followed: https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ses.html."""

from typing import Final, NamedTuple

from functions.shared import row


class SesEvent(NamedTuple):
    """An event by SES's name and by EventBridge's, and the status that it says the mail has.

    SES's name is spelled as CloudFormation has always taken it: SES v2's capitals were refused until March 2025.
    """

    ses_name: str
    detail_type: str
    status: str


# A soft bounce is one only once SES has given up: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_EventDestination.html
SES_EVENTS: Final = (
    SesEvent("send", "Email Sent", row.MAIL_SENT),
    SesEvent("delivery", "Email Delivered", row.MAIL_DELIVERED),
    SesEvent("bounce", "Email Bounced", row.MAIL_BOUNCED),
    SesEvent("complaint", "Email Complaint Received", row.MAIL_COMPLAINED),
    SesEvent("reject", "Email Rejected", row.MAIL_REJECTED),
)
