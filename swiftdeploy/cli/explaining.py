"""explain, schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import click

from swiftdeploy.cli.session import Session, command

if TYPE_CHECKING:
    from swiftdeploy.model.decision import Gate


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
@click.option(
    "--input", "gate", type=click.Choice(["infrastructure", "canary"]), help="Of this gate's input, for `opa check`."
)
@command()
def schema(session: Session, gate: str | None) -> None:
    """The JSON Schema of the manifest, or with --input of what a gate gives its policy."""
    tree = _schema(gate)
    if session.as_json:
        session.answer({"schema": tree})
    else:
        click.echo(json.dumps(tree, indent=2))


def _schema(gate: str | None) -> Mapping[str, object]:
    if gate:
        from swiftdeploy.model import inputs

        return inputs.json_schema(cast("Gate", gate))
    from swiftdeploy.model import schema as schemas

    return schemas.json_schema()
