"""One change of the world: lock, recover, load, intent, undo, commit, finish."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from swiftdeploy.flow import asked, move, outputs, releases
from swiftdeploy.flow.world import World
from swiftdeploy.model import asking, digest, errors, journal
from swiftdeploy.model.event import Committed, Finished, Intent, Unchanged, Undone, Verb
from swiftdeploy.model.plan import Asks, Goal
from swiftdeploy.model.state import State

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest


@dataclass(frozen=True)
class Change:
    """A changing command between its lock and its commit. `read` is the manifest's text as it was found, None without
    one."""

    verb: Verb
    before: State
    read: str | None
    world: World
    undo: ExitStack = field(default_factory=ExitStack)

    @property
    def text(self) -> str:
        """The manifest's text; raises Unreadable where there is none."""
        return asked.text(self.world) if self.read is None else self.read

    @cached_property
    def manifest(self) -> Manifest:
        """Parsed only when a verb asks: a rollback must work with a broken manifest, or none. Raises BadFile."""
        from swiftdeploy.model import manifest

        return manifest.parse(self.text, self.world.manifest_name)

    @cached_property
    def asks(self) -> Asks:
        """What the manifest asks for, with the digest of what it would run right now."""
        release = self.world.engine.release(self.manifest)
        return asking.asks(self.manifest, release, self.world.engine.name)

    def unchanged(self, goal: Goal) -> State:
        """Repair what is missing, and record that nothing else was to do."""
        self.world.journal.append(Intent(self.verb, goal.summary))
        try:
            started = move.repair(self.before, self.world)
        except BaseException as error:
            self.put_back(error)
            raise
        note = f"started again: {', '.join(started)}" if started else goal.summary
        self.world.journal.append(Unchanged(self.verb, note))
        self.world.console.say(note)
        return self.before

    def put_back(self, error: BaseException) -> None:
        """Undo and record it; an open intent makes the next changing command recover."""
        if self.take_back():
            try:
                self.world.journal.append(Undone(self.verb, _in_words(error)))
            except errors.SwiftDeployError as failed:
                self.world.console.warn(f"that it was undone could not be recorded: {failed.what}")

    def take_back(self) -> bool:
        """Undo all that was begun. One that fails is said, not raised: why the command failed matters more."""
        try:
            with self.world.phase("undo"):
                self.undo.close()
        except errors.SwiftDeployError as failed:
            self.world.console.warn(f"it could not all be put back ({failed.what}); the next changing command will")
            return False
        return True

    def prepare(self, goal: Goal) -> None:
        """Keep the manifest of the release that is about to start, and see that the goal's files can be rendered."""
        if any(one.release.id == self.asks.release.id for one in goal.state.instances):
            self.undo.callback(
                releases.restore, self.asks.release, releases.kept(self.asks.release, self.world), self.world
            )
            releases.keep(self.asks.release, self.text, self.world)
        outputs.of_what_runs(goal.state, goal.mode, self.world)

    @contextmanager
    def towards(self, goal: Goal, override: str = "") -> Iterator[None]:
        """Intent; the body; commit; finish. A body that raises is undone in reverse, recorded, and raises on."""
        with self.world.phase("record-intent"):
            self.world.journal.append(Intent(self.verb, goal.summary, override))
        commit = Committed(self.verb, goal.mode, goal.state, digest.of(self.read or ""), goal.left, goal.summary)
        try:
            yield
            with self.world.phase("record-commit"):
                self.world.journal.append(commit)
        except BaseException as error:
            if journal.unfinished(self.world.journal.changes()) == commit:  # an older equal commit is finished
                self.undo.pop_all()  # it is on disk: only forward, by the next changing command
                raise
            self.put_back(error)
            raise
        self.undo.pop_all()  # from here on only forward
        finish(commit, self.world)


@contextmanager
def change(verb: Verb, world: World) -> Iterator[Change]:
    """Hold the command lock, finish or undo what a crash left, and load what runs and what is asked."""
    asked.require_project(world)
    with ExitStack() as held:
        with world.phase("lock"):
            held.enter_context(world.lock(verb))
        with world.phase("recover"):
            recover(world)
        with world.phase("load"):
            last = journal.committed(world.journal.changes())
            now = Change(verb, last.state if last else State(), _found(world), world)
        try:
            yield now
        except BaseException:
            now.take_back()  # nothing to do unless something failed before the intent: see deploy
            raise


def _found(world: World) -> str | None:
    return world.files.read(world.manifest_name) if world.files.exists(world.manifest_name) else None


def finish(commit: Committed, world: World) -> None:
    """All that follows a commit; may be repeated. What cannot be written is said: the change itself is done."""
    with world.phase("write"):
        try:
            _write(commit, world)
        except errors.SwiftDeployError as error:
            world.console.warn(f"committed, but not all files were written: {error}; `swiftdeploy init` renders them")
    move.finish(commit.state, world)
    if len(releases.names(world)) > releases.KEPT:
        releases.prune(frozenset(journal.kept_releases(world.journal.changes(), releases.KEPT)), world)
    world.journal.append(Finished(commit.verb))


def recover(world: World) -> None:
    """One rule: the last commit is true. What it names still runs, since old instances stop only after a commit."""
    last = journal.committed(world.journal.changes())
    cut_off = journal.unfinished(world.journal.changes())
    state = last.state if last else State()
    # either a first deploy died before its intent, or the engine itself died under what it ran
    lost = world.engine.is_open() != bool(state.instances)
    strays = _strays(state, world)
    if cut_off is None and strays:  # a change writes its intent before it starts anything: this journal is another one
        raise errors.NotPossible(
            f"{', '.join(strays)} runs, and the journal knows nothing of it: it was cut, emptied or replaced",
            "put the right history.jsonl back, or run `swiftdeploy teardown` and deploy again",
        )
    if cut_off is None and not lost:
        return
    if state.instances:
        move.restore(state, world)
        move.finish(state, world)
    else:
        world.engine.close(False)
    match cut_off:
        case Intent(verb):
            world.journal.append(Undone(verb, "it was killed"))
            world.console.warn(f"an earlier `{verb}` was interrupted; it was undone")
        case Committed(verb):
            finish(cut_off, world)
            world.console.warn(f"an earlier `{verb}` was interrupted after its commit; it was finished")
        case None if state.instances:
            world.console.warn("the engine had died; what the last commit names was started again")
        case None:
            world.console.warn("what ran and no commit names was stopped")


def _strays(state: State, world: World) -> tuple[str, ...]:
    wanted = {one.id for one in state.instances}
    return tuple(name for name in world.engine.running() if name not in wanted)


def _write(commit: Committed, world: World) -> None:
    """The manifest's mode, and the rendered files of what runs."""
    _write_mode(commit, world)
    for name, text in outputs.of_what_runs(commit.state, commit.mode, world).items():
        world.files.write(name, text)


def _write_mode(commit: Committed, world: World) -> None:
    from swiftdeploy.model import yamlfile

    text = _found(world)
    if text is None:
        world.console.warn(f"{world.manifest_name} is gone, so its services.mode was not written")
        return
    try:
        edited = yamlfile.with_mode(text, commit.mode)
    except errors.BadFile:
        world.console.warn(f"{world.manifest_name} cannot be read, so its services.mode was left alone")
        return
    if edited == text:  # also when this was done before a crash
        return
    if digest.of(text) != commit.manifest_digest:
        world.console.warn(f"{world.manifest_name} was changed meanwhile, so its services.mode was left alone")
        return
    world.files.write(world.manifest_name, edited)


def _in_words(error: BaseException) -> str:
    return error.what if isinstance(error, errors.SwiftDeployError) else f"{type(error).__name__}: {error}"
