"""init, validate, plan."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from swiftdeploy.cli.session import Session, command


@click.command()
@click.option("--example", metavar="NAME", help="Start a project in DIR from a packaged example: hello or article.")
@click.argument("folder", required=False, metavar="[DIR]")
@command()
def init(session: Session, example: str | None, folder: str | None) -> None:
    """Render nginx.conf and docker-compose.yml; with --example NAME DIR start a project."""
    if example is not None:
        _scaffold(session, example, Path(folder or "."))
        return
    if folder is not None:
        raise click.UsageError("DIR goes with --example; the manifest is named by -f")
    from swiftdeploy.verbs.init import init as verb

    written = verb(session.world())
    session.say(f"rendered {', '.join(written)}\nnext: `swiftdeploy validate`, then `swiftdeploy deploy`")
    session.answer({"written": written})


def _scaffold(session: Session, example: str, target: Path) -> None:
    from swiftdeploy.edge.bundled import folder
    from swiftdeploy.edge.scaffold import SHARED, scaffold

    bundled = {name: folder(name) for name in (*SHARED, "examples", "scenarios")}
    written = scaffold(example, target, bundled)
    session.say(f"{target}: {', '.join(written)}\nnext: `swiftdeploy validate`, then `swiftdeploy deploy`")
    session.answer({"written": written})


@click.command()
@command()
def validate(session: Session) -> None:
    """Check manifest, templates, ports, policies and rendered files; change nothing."""
    from swiftdeploy.verbs.validate import failed
    from swiftdeploy.verbs.validate import validate as verb

    checks = []
    for check in verb(session.world()):
        checks.append(check)
        session.say(str(check))
    as_json = [asdict(one) for one in checks]
    if error := failed(tuple(checks)):
        session.stop(error, {"checks": as_json})
    session.say("next: `swiftdeploy deploy`")
    session.answer({"checks": as_json})


@click.command()
@command()
def plan(session: Session) -> None:
    """Show what deploy would do and render; change nothing."""
    from swiftdeploy.verbs.plan import plan as verb

    preview = verb(session.world())
    session.say(preview.summary)
    for word, ids in (("start", preview.start), ("stop", preview.stop)):
        for one in ids:
            session.say(f"  {word} {one}")
    if preview.gate:
        session.say(f"gate {preview.gate}, input: {json.dumps(dict(preview.input or {}))}")
    for text in (preview.diffs or {}).values():
        session.say(text.rstrip("\n"))
    if preview.refused:
        session.say(preview.refused)
    session.answer(asdict(preview))
