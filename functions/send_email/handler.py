"""The Lambda handler of the state SendConfirmation."""

from functions.send_email.confirmation import confirm_by_mail
from functions.send_email.mailer import open_mailer
from functions.send_email.store import open_mail_store
from functions.shared.aws import make_client
from functions.shared.step import Step, workflow_step

make_client("sesv2")  # made while Lambda starts the function, when it has the most CPU


@workflow_step
def send_confirmation(step: Step) -> None:
    """Tell the customer that the order is confirmed."""
    confirm_by_mail(open_mail_store(), open_mailer(), step)
