"""What keeps a probe from its answer, beside AWS's own errors."""


class Absent(Exception):
    """The stack lacks what the probe asks about; the message says what."""


class NotBegun(Exception):
    """Another probe, or the stack, is not as this one needs it; the message says what."""
