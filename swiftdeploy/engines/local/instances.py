"""One instance of a release as a program: its port, its environment, its argv."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from swiftdeploy.engines.local import code, programs
from swiftdeploy.engines.local.code import Code
from swiftdeploy.engines.local.places import Places
from swiftdeploy.engines.local.programs import Program
from swiftdeploy.engines.local.supervisor import inherited
from swiftdeploy.machine import ports
from swiftdeploy.model import placeholders
from swiftdeploy.model.state import Instance, Release

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest


def program(instance: Instance, manifest: Manifest, port: int, found: Code) -> Program:
    """Ready to run on 127.0.0.1:`port`. Raises EnvironmentMissing when its command or its files are missing."""
    state = str(found.places.state_of(instance.id))
    values = {"port": str(port), "instance": instance.id, "state": state}
    argv = found.filled(instance.release, values)
    return Program(
        name=instance.id,
        file=code.executable(argv[0], found.places.root, search_path(manifest)),
        argv=argv,
        env=environment(instance, manifest, values, found.places),
        cwd=str(found.places.root),
        restart=manifest.services.restart_policy,
        port=port,
        release=instance.release.id,
        metrics_path=instance.release.metrics_path,
        drain_timeout_seconds=manifest.services.drain_timeout_seconds,
        state=state if _uses_state(instance.release, manifest) else "",
    )


def _uses_state(release: Release, manifest: Manifest) -> bool:
    values = (value.get_secret_value() for value in manifest.services.env.values())
    return any("state" in placeholders.names(one) for one in (*release.argv, *values))


def search_path(manifest: Manifest) -> str | None:
    """Where the command's executable is looked for."""
    own = manifest.services.env.get("PATH")
    return own.get_secret_value() if own else inherited().get("PATH")


def environment(instance: Instance, manifest: Manifest, values: Mapping[str, str], places: Places) -> dict[str, str]:
    """The complete environment: a little of the caller's, the manifest's with its `values` filled in, ours, and the
    marks."""
    given = {name: value.get_secret_value() for name, value in manifest.services.env.items()}
    return {
        **inherited(),
        "PYTHONUNBUFFERED": "1",  # else the last words of a crashed app never reach its log
        "PORT": values["port"],  # what many frameworks look for; a manifest may say otherwise
        **{name: placeholders.filled(value, values) for name, value in given.items()},
        "MODE": instance.track,
        "APP_VERSION": instance.release.version,
        "APP_PORT": values["port"],
        "APP_HOST": "127.0.0.1",
        "APP_INSTANCE": instance.id,
        "APP_DRAIN_SECONDS": f"{manifest.services.drain_timeout_seconds:g}",
        "SWIFTDEPLOY_ROOT": str(places.root),
        "SWIFTDEPLOY_INSTANCE": instance.id,
    }


def port_for(instance: Instance, places: Places) -> int:
    """The port it had, when it was recorded and the port is still free; else a fresh one."""
    known = programs.read(instance.id, places)
    if known and known.release == instance.release.id and ports.free("127.0.0.1", known.port):
        return known.port
    if known:
        ports.release(known.port, places.root)
    return ports.claim(places.root, programs.record(instance.id, places))
