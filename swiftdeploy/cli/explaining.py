"""explain, schema."""

from __future__ import annotations

import json

import click

from swiftdeploy.cli.session import Session, command


@click.command()
@click.argument("key", default="")
@command()
def explain(session: Session, key: str) -> None:
    """What a manifest key means, e.g. `canary.weight`; without KEY all of them."""
    from swiftdeploy.model import schema as schemas

    text = schemas.explain(key)
    session.say(text)
    session.answer({"key": key, "text": text})


@click.command()
@command()
def schema(session: Session) -> None:
    """The manifest's JSON Schema."""
    from swiftdeploy.model import schema as schemas

    if session.as_json:
        session.answer({"schema": schemas.json_schema()})
    else:
        click.echo(json.dumps(schemas.json_schema(), indent=2))
