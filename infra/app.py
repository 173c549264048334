"""The CDK app: `cdk deploy -c stage=local|dev|prod`."""

import sys

import aws_cdk as cdk

from infra.assets.build import BuildError
from infra.settings import Settings, SettingsError
from infra.stack import OrderProcessingStack


def main() -> None:
    """Synthesise the stack of the stage named in the context."""
    app = cdk.App()
    try:
        settings = Settings.from_context(app.node.try_get_context)
        OrderProcessingStack(app, f"order-processing-{settings.stage}", settings=settings)
    except (SettingsError, BuildError) as error:
        sys.exit(f"order-processing: {error}")
    app.synth()


if __name__ == "__main__":
    main()
