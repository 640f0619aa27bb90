"""The command line: a lazy table of commands, and one place that turns errors into exit statuses."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of `swiftdeploy`; never returns."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them costs each command 60 ms
    from swiftdeploy.cli.table import cli

    sys.exit(cli.main(standalone_mode=True))
