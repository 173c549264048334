"""What moves orders: the way in, the workflow, storage, mails."""
