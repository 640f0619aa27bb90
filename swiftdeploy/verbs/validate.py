"""validate: everything that can be checked before a deploy, changing nothing."""

from __future__ import annotations

from collections.abc import Iterator

from swiftdeploy.flow import asked, observe, outputs, proof
from swiftdeploy.flow.world import World
from swiftdeploy.model import asking, errors, journal, reading
from swiftdeploy.model.check import Check
from swiftdeploy.model.decision import GATES, Gate, PolicySet
from swiftdeploy.model.manifest import Manifest
from swiftdeploy.model.state import Instance, State

PROOF = "policy proof"
EXPLAIN = "`swiftdeploy policy explain --gate canary` shows what the policies judge"


def validate(world: World) -> Iterator[Check]:
    """The article's five checks and ours, in order. Raises BadFile for a manifest that cannot be used."""
    manifest = asked.manifest(world)
    yield Check("manifest", "pass", f"{world.manifest_name} is valid YAML")
    yield Check("fields", "pass", "all required fields are there and well formed")
    yield _image(manifest, world)
    yield from _ports(manifest, world)
    broken = _templates(manifest, world)
    if broken:
        yield broken
    else:
        yield _proxy(manifest, world)
        yield world.tools.compose(outputs.rendered(manifest, world)["docker-compose.yml"])
        yield from edited(manifest, world)
    yield from _policies(world)
    yield from _metrics(manifest, world)
    yield from _probed(manifest, world)
    yield from _warnings(manifest, world)


def edited(manifest: Manifest, world: World) -> Iterator[Check]:
    """A warning for each rendered file that was edited by hand."""
    for name in outputs.edited(manifest, journal.committed(world.journal.changes()), world):
        yield Check(
            name, "warning", "was edited by hand or is older than the manifest; `swiftdeploy init` renders it anew"
        )


def _templates(manifest: Manifest, world: World) -> Check | None:
    try:
        outputs.rendered(manifest, world)
    except errors.BadFile as error:
        return Check("templates", "fail", str(error))
    return None


def _image(manifest: Manifest, world: World) -> Check:
    if world.engine.name == "local":
        try:
            release = world.engine.release(manifest)
        except errors.EnvironmentMissing as error:
            return Check("image", "skipped", error.what)
        if missing := world.engine.missing_command(manifest):
            return Check("image", "fail", missing)
        runs = "the sample app" if release.sample_app else " ".join(release.argv)
        return Check("image", "skipped", f"the local engine runs {runs}, not {manifest.services.image}")
    found = world.tools.image(manifest.services.image)
    if found.outcome == "fail" and manifest.services.build is not None:
        return Check("image", "skipped", f"{found.detail}; deploy builds it from {manifest.services.build}")
    return found


def _ports(manifest: Manifest, world: World) -> Iterator[Check]:
    wanted = {"nginx.port": manifest.nginx.port, "nginx.admin_port": manifest.nginx.admin_port}
    for name, port in wanted.items():
        try:
            holder = world.engine.port_holder(port)
        except errors.EnvironmentMissing as error:
            yield Check(f"port {port}", "skipped", error.what)
            continue
        yield Check(
            f"port {port}",
            "fail" if holder else "pass",
            f"{name} is taken by {holder}" if holder else f"{name} is free or our own",
        )


def _proxy(manifest: Manifest, world: World) -> Check:
    try:
        said = world.engine.test_proxy(manifest)
    except errors.EnvironmentMissing as error:
        return Check("nginx -t", "skipped", error.what)
    return Check("nginx -t", "fail", said) if said else Check("nginx -t", "pass", "nginx accepts the rendered config")


def _policies(world: World) -> Iterator[Check]:
    policies = world.files.policies()
    whose = "packaged policies" if policies.packaged else f"{policies.folder}/"
    found = world.rego.check(policies)
    if found:
        yield Check("policies", "fail", "\n".join(map(str, found)))
        return
    yield Check("policies", "pass", f"{whose} compile and decide ({policies.digest[:19]})")
    yield proven(world)
    for gate in GATES:
        yield from _unseen(gate, policies)


def proven(world: World) -> Check:
    """Whether the policies have proven themselves: no gate allows the worst or the empty input."""
    flaw = proof.flaw_of(world.files.policies(), world)
    told = flaw or "deny the worst and the empty input at each gate"
    return Check(PROOF, "fail" if flaw else "pass", told)


def _unseen(gate: Gate, policies: PolicySet) -> Iterator[Check]:
    """Warnings: figures that the gate's policy does not judge, names that it reads and nobody sends."""
    if unread := reading.unread(gate, policies):
        told = f"package {policies.packages[gate]} never looks at {', '.join(unread)}, as the shipped policies do"
        yield Check(f"policy {gate}", "warning", told)
    for one in reading.unsent(gate, policies):
        yield Check(f"policy {gate}", "warning", f"{one}")


def _metrics(manifest: Manifest, world: World) -> Iterator[Check]:
    """Whether users can be counted, of what runs, by what the manifest says now."""
    last = journal.committed(world.journal.changes())
    names = asking.metric_names(manifest)
    for one in last.state.instances if last else ():
        if missing := observe.uncounted(one, world, names):
            yield Check("metrics", "warning", missing)
        else:
            yield Check("metrics", "pass", f"users of {one.id} are counted by its metrics page")


def _probed(manifest: Manifest, world: World) -> Iterator[Check]:
    """Each path of the probe, asked once of what runs: a warning for every one that has no page there."""
    if manifest.canary.probe is None:
        return
    last = journal.committed(world.journal.changes())
    runs = (last.state if last else State()).instances
    instance = next((one for one in runs if one.track == "stable"), runs[0] if runs else None)
    if instance is None:
        yield Check("canary.probe", "skipped", "nothing runs that could be asked for its paths")
        return
    paths = manifest.canary.probe.asked_paths
    wrong = tuple(said for path in paths if (said := _unanswered(path, instance, world)))
    for said in wrong:
        yield Check("canary.probe", "warning", said)
    if not wrong:
        yield Check("canary.probe", "pass", f"{instance.id} answers on {', '.join(paths)}")


def _unanswered(path: str, instance: Instance, world: World) -> str:
    """What is wrong with a path, in words; empty when it answers 2xx or 3xx."""
    try:
        status = world.traffic.ask(world.engine.address(instance), path).status
    except (OSError, errors.EnvironmentMissing) as error:
        return f"probe of {path} of {instance.id} failed: {error}"
    if 200 <= status < 400:
        return ""
    return f"probe of {path} answered {status}: canary.probe.paths names pages that answer"


def _warnings(manifest: Manifest, world: World) -> Iterator[Check]:
    for key, image in (
        ("services.image", manifest.services.image),
        ("nginx.image", manifest.nginx.image),
        ("opa.image", manifest.opa.image),
    ):
        if ":" not in image.rsplit("/", 1)[-1] or image.rsplit(":", 1)[-1].startswith("latest"):
            yield Check(key, "warning", f"{image} names no fixed version, so two deploys may run two different things")
    if manifest.services.metrics_path not in manifest.nginx.private_paths:
        path = manifest.services.metrics_path
        yield Check(
            "nginx.private_paths",
            "warning",
            f"{path} is public; `private_paths: [{path}, /chaos]` keeps it on the admin port",
        )
    last = journal.committed(world.journal.changes())
    stable = (last.state if last else State()).stable
    if stable and manifest.canary.weight == 100 and stable.release.version != manifest.services.version:
        yield Check(
            "canary.weight", "warning", "is 100, so a canary of the changed release would get all traffic at once"
        )


def failed(checks: tuple[Check, ...]) -> errors.SwiftDeployError | None:
    """The error for exit 1, when any check failed; for exit 2 when the policies gate nothing: they cannot be used."""
    bad = [one.name for one in checks if one.outcome == "fail"]
    if not bad:
        return None
    told = f"{len(bad)} of {len(checks)} checks failed: {', '.join(bad)}"
    return (
        errors.Unreadable(told, EXPLAIN)
        if PROOF in bad
        else errors.CheckFailed(told, "each ✘ above says what is wrong; mend it and run this again")
    )
