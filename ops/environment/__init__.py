"""`orders env`: lines that point a shell, and all AWS tools in it, at a stack."""
