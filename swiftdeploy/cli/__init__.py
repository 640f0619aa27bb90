"""The command line: a lazy table of commands, and one place that turns errors into exit statuses."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of `swiftdeploy`; never returns."""
    from swiftdeploy.cli.table import cli

    sys.exit(cli.main(standalone_mode=True))
