"""The Lambda handler of the state SendConfirmation."""

from functions.send_email.confirmation import confirm
from functions.send_email.mailer import mailer
from functions.send_email.store import mails
from functions.shared.aws import client
from functions.shared.step import Step, workflow_step

client("sesv2")  # made while Lambda starts the function, when it has the most CPU


@workflow_step
def send_confirmation(step: Step) -> None:
    """Tell the customer that the order is confirmed."""
    confirm(mails(), mailer(), step)
