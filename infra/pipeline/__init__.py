"""The order pipeline: ingestion, the workflow, storage, mails."""
