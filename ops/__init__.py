"""The operator's side: a local AWS to deploy to, and the demonstration that runs on it."""
