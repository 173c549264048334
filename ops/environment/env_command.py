"""`orders env`: prints lines that point a shell at the stack."""

from ops.environment.exports import format_exports
from ops.stack import Stack
from ops.terminal import screen
from ops.terminal.options import with_stack


@with_stack
def env(stack: Stack) -> None:
    """Print lines that point a shell at the stack: eval "$(orders env --stage dev)".

    They set ORDERS_STAGE, the region and the profile, put `orders` and `cdk` on the path, and name each output: the
    topic is $ORDER_TOPIC_ARN. For the local AWS they point the AWS CLI and every SDK at it.
    """
    screen.print_body(format_exports(stack).removesuffix("\n"))
