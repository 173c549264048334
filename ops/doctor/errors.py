"""What keeps a probe from its answer, beside AWS's own errors."""


class Absent(Exception):
    """The stack lacks what the probe asks about; the message says what."""
