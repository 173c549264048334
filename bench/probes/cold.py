"""Run in a fresh, isolated interpreter: time one statement's imports and read the memory they have taken.

The time is what the processor worked, in this process and for it: importing is all computing and reading from the
page cache, and what other programs do on this machine is then not measured.
Arguments: the directories to import from, joined by `:`, and the statement. Prints JSON.
"""

import sys
import time

directories, statement = sys.argv[1:]
sys.path[:0] = directories.split(":")
code = compile(statement, "<statement>", "exec")

start = time.process_time()
exec(code)  # noqa: S102 the statement to measure
seconds = time.process_time() - start


def peak_memory() -> float:
    """MiB this program has had resident at most. Not `getrusage`, which counts the parent's before the exec."""
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123 pathlib would be one more import to pay for
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    except FileNotFoundError:  # no Linux
        import resource  # noqa: PLC0415 only where it is needed

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024


print(f'{{"seconds": {seconds}, "memory": {peak_memory()}}}')
