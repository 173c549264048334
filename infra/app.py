"""The CDK app: `cdk deploy -c stage=local|dev|prod`; further settings are in the stage's file, or `-c` values too."""

import sys

import aws_cdk as cdk

from infra.assets.build import BuildError
from infra.settings import Settings, SettingsError
from infra.stack import OrderProcessingStack
from infra.stage_file import add_stage_file


def main() -> None:
    """Synthesise the stack of the stage named in the context."""
    app = cdk.App()
    try:
        settings = Settings.from_context(add_stage_file(app.node.try_get_context))
        OrderProcessingStack(app, f"order-processing-{settings.stage}", settings=settings)
    except (SettingsError, BuildError) as error:
        sys.exit(f"order-processing: {error}")
    app.synth()


if __name__ == "__main__":
    main()
