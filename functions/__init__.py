"""The code of the Lambda functions: one folder a step, and `shared` for what two of them need."""
