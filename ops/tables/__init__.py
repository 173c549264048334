"""DynamoDB tables as an operator reads and writes them: items of any shape, whole scans, conditional writes."""
