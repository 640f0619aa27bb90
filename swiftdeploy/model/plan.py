"""Where a command wants to go: (state, what the manifest asks, wish) -> Goal. The verb table, as pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from swiftdeploy.model import errors
from swiftdeploy.model.decision import Gate
from swiftdeploy.model.state import EngineName, Instance, Release, Settings, State, Track


@dataclass(frozen=True)
class Asks:
    """What the manifest asks: M of the verb table, and how the stack around it should be. `trial_weight`: the share in
    percent on which a new canary's users are judged first, where no probe can judge it before; 0 for none."""

    engine: EngineName
    release: Release
    mode: Track
    weight: int
    settings: Settings
    trial_weight: int = 0


@dataclass(frozen=True)
class Goal:
    """`gate` names who must allow it, None on the way back; `judged` is the instance that the canary gate measures.
    `left` is the release that a rollback leaves. `trial` comes before `state` where the gate judges users of `judged`
    who are not there yet."""

    state: State
    mode: Track
    summary: str
    gate: Gate | None = None
    judged: Instance | None = None
    left: str = ""
    trial: State | None = None


def deploy(now: State, asks: Asks) -> Goal:
    """Run the manifest's release; raises NotPossible while a canary of another release runs."""
    if not now.instances:
        first = _new(now, asks.mode, asks.release)
        goal = _next(now, asks, (first,), 100 if asks.mode == "canary" else 0)
        return Goal(goal, asks.mode, f"start {asks.release.label} as {asks.mode}", gate="infrastructure")
    if now.canary:
        if now.canary.release.id != asks.release.id:
            raise errors.NotPossible(
                f"a canary of {now.canary.release.label} runs, and the manifest asks for {asks.release.label}",
                f"finish the canary first: {_ways_on(now)}",
            )
        return _same_release(now, asks, "canary")
    if asks.mode == "canary":
        raise errors.NotPossible(
            "the manifest's services.mode was edited to canary by hand", "use `swiftdeploy promote canary`"
        )
    assert now.stable is not None
    if now.stable.release.id == asks.release.id:
        return _same_release(now, asks, "stable")
    return Goal(
        _next(now, asks, (_new(now, "stable", asks.release),), 0),
        "stable",
        f"replace {now.stable.release.label} by {asks.release.label}",
        gate="infrastructure",
    )


def promote(now: State, asks: Asks, to: Track, weight: int | None) -> Goal:
    """Give a track the traffic; `weight` is the canary's percentage, the manifest's when None. Raises NotPossible."""
    if not now.instances:
        raise errors.NotPossible("nothing runs, so nothing can be promoted", "run `swiftdeploy deploy` first")
    return (
        _promote_canary(now, asks, asks.weight if weight is None else weight)
        if to == "canary"
        else _promote_stable(now, asks)
    )


def _promote_canary(now: State, asks: Asks, weight: int) -> Goal:
    share = weight if now.stable else 100
    kept = (now.stable,) if now.stable else ()
    if now.canary and now.canary.release.id == asks.release.id:
        state = now if share == now.weight else replace(now, generation=now.generation + 1, weight=share)
        return Goal(state, "canary", f"canary {now.canary.release.label} at {share} %", "canary", now.canary)
    new = _new(now, "canary", asks.release)
    verb = "replace the canary by" if now.canary else "start canary"
    trial, state = _with_trial(_next(now, asks, (*kept, new), share), asks)
    return Goal(state, "canary", f"{verb} {asks.release.label} at {share} %", "canary", new, trial=trial)


def _with_trial(state: State, asks: Asks) -> tuple[State | None, State]:
    """A first state with the trial's share, and the one after it; nothing to try where no stable has the rest."""
    if not asks.trial_weight or not state.stable:
        return None, state
    trial = replace(state, weight=min(asks.trial_weight, state.weight))
    return trial, trial if trial == state else replace(state, generation=state.generation + 1)


def _promote_stable(now: State, asks: Asks) -> Goal:
    stable, canary = now.stable, now.canary
    if stable and stable.release.id == asks.release.id:
        if canary is None:
            return Goal(now, "stable", f"stable {stable.release.label} has all traffic already")
        return Goal(_back(now, stable), "stable", f"all traffic to stable {stable.release.label}, canary stopped")
    if canary and canary.release.id == asks.release.id:
        new = _new(now, "stable", canary.release)
        return Goal(
            _next(now, asks, (new,), 0),
            "stable",
            f"{canary.release.label} becomes stable and takes all traffic",
            "canary",
            canary,
        )
    if canary is None:
        raise errors.NotPossible(
            f"no canary runs, and the manifest asks for {asks.release.label}", "run `swiftdeploy deploy`"
        )
    raise errors.NotPossible(
        f"the manifest was edited since: it asks for {asks.release.label}, which neither track runs",
        _ways_on(now),
    )


def rollback(now: State, target: Release | None) -> Goal:
    """Leave the canary, or go back to `target`, the newest earlier release that was not itself rolled back from."""
    if not now.instances:
        raise errors.NotPossible("nothing runs, so there is nothing to roll back", "run `swiftdeploy deploy` first")
    if now.stable and now.canary:
        return Goal(
            _back(now, now.stable),
            "stable",
            f"all traffic to stable {now.stable.release.label}, canary stopped",
            left=now.canary.release.id if now.canary.release.id != now.stable.release.id else "",
        )
    runs = now.instances[0]
    if target is None:
        raise errors.NotPossible(
            f"there is no earlier release than {runs.release.label} to go back to", "edit the manifest and deploy"
        )
    state = replace(now, generation=now.generation + 1, instances=(_new(now, "stable", target),), weight=0)
    return Goal(state, "stable", f"back from {runs.release.label} to {target.label}", left=runs.release.id)


def _ways_on(now: State) -> str:
    """What can be done about a canary of another release; a canary alone has no stable track to go back to."""
    replace_it = "`swiftdeploy promote canary` replaces it"
    return f"{replace_it}, `swiftdeploy rollback` leaves it" if now.stable else replace_it


def _same_release(now: State, asks: Asks, track: Track) -> Goal:
    if now.settings == asks.settings:
        return Goal(now, track, "as the manifest asks already")
    state = replace(now, generation=now.generation + 1, settings=asks.settings)
    return Goal(state, track, "apply changed proxy, judge or network settings", gate="infrastructure")


def _new(now: State, track: Track, release: Release) -> Instance:
    return Instance(f"{track}-{now.generation + 1}", track, release)


def _next(now: State, asks: Asks, instances: tuple[Instance, ...], weight: int) -> State:
    return State(asks.engine, now.generation + 1, instances, weight, asks.settings)


def _back(now: State, stable: Instance) -> State:
    return replace(now, generation=now.generation + 1, instances=(stable,), weight=0)
