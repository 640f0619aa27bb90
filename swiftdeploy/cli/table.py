"""All commands, with one line of help each; a command's module is imported only when it runs."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

import click


class Row(NamedTuple):
    """`module` in this folder holds a click command named like its function."""

    module: str
    help: str


COMMANDS = {
    "init": Row("rendering", "Render nginx.conf and docker-compose.yml; --example NAME DIR starts a project."),
    "validate": Row("rendering", "Check manifest, templates, ports, policies and rendered files; change nothing."),
    "plan": Row("rendering", "Show what deploy would do and render; change nothing."),
    "deploy": Row("changing", "Run the manifest's release, gated by the infrastructure policy."),
    "promote": Row("changing", "Give the stable or canary track its traffic, gated by the canary policy."),
    "rollback": Row("changing", "Leave the canary, or go back to the release before."),
    "status": Row("looking", "Live dashboard: throughput, errors, p99, chaos, policy compliance."),
    "logs": Row("looking", "What the parts of the stack wrote."),
    "audit": Row("auditing", "Write audit_report.md and .html from the journal, or verify its chain."),
    "chaos": Row("hurting", "Make the canary slow or failing on purpose, and recover it."),
    "policy": Row("judging", "Test policies, ask them about an input file, or explain what they judge."),
    "doctor": Row("looking", "What this machine has of what SwiftDeploy needs."),
    "explain": Row("explaining", "What a manifest key means."),
    "schema": Row("explaining", "The JSON Schema of the manifest, or of what a gate gives its policy."),
    "teardown": Row("changing", "Stop everything of this project; --clean removes its files too."),
}


class Table(click.Group):
    """Help comes from the table, so that `--help` imports no command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"swiftdeploy.cli.{COMMANDS[name].module}")
        command = getattr(module, name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            from swiftdeploy.model.nearest import hint

            ctx.fail(f"there is no command {args[0]!r}. {hint(args[0], COMMANDS)}".rstrip())
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, row.help) for name, row in COMMANDS.items()])


@click.group(cls=Table, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="swiftdeploy")
def cli() -> None:
    """Deployments you can pytest: one manifest, policy gates, a tamper-evident journal.

    Exit statuses: 0 done, 1 a check failed, 2 bad usage or file, 3 not possible now, 10 denied by policy,
    11 no decision, 12 not healthy, 13 environment missing, 14 locked, 15 rollback failed, 70 a bug, 130 Ctrl-C.
    Shell completion: eval "$(_SWIFTDEPLOY_COMPLETE=bash_source swiftdeploy)".
    """
