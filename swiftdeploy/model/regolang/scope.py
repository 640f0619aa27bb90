"""The local variables of a rule: where each was given a value, and which are in sight."""

from __future__ import annotations

from collections.abc import Container

from swiftdeploy.model.regolang.kinds import ANY, OPEN, Kind, free
from swiftdeploy.model.regolang.tree import Unread, Var


class Scope:
    """Bodies within bodies. A name is declared once, has a value from the line that gives it one, and is gone with its
    body. Names that would hide another are refused: judges differ on what is meant."""

    def __init__(self, *taken: Container[str]) -> None:
        self._taken = taken  # rules, imports and functions of the file
        self._bodies: list[dict[str, Kind]] = [{}]
        self._waiting: list[dict[str, Var]] = [{}]
        self._unused: list[dict[str, Var]] = [{}]

    def enter(self) -> None:
        """A body begins."""
        self._bodies.append({})
        self._waiting.append({})
        self._unused.append({})

    def leave(self) -> None:
        """The body ends. Raises Unread for a name that was declared for nothing."""
        for var in self._unused.pop().values():
            raise Unread(var.at, f"{var.name} is declared and not used", "use it, or take it away")
        self._waiting.pop()
        self._bodies.pop()

    def kind(self, name: str) -> Kind | None:
        """What the name holds; None when it has no value (yet)."""
        for body in reversed(self._bodies):
            if name in body:
                return body[name]
        return None

    def knows(self, name: str) -> bool:
        """Is it a local name, with a value or without?"""
        return self.kind(name) is not None or any(name in waiting for waiting in self._waiting)

    def used(self, name: str) -> None:
        """The name stands in a line."""
        for unused in self._unused:
            unused.pop(name, None)

    def declare(self, var: Var) -> None:
        """`some x`: a value comes later."""
        self._fresh(var)
        self._waiting[-1][var.name] = var
        self.await_use(var)

    def await_use(self, var: Var) -> None:
        """The name must stand in a line of this body: OPA insists on it for `some x` and `every x in xs`."""
        if var.name != "_":
            self._unused[-1][var.name] = var

    def give(self, var: Var, kind: Kind) -> None:
        """`x := ...`, or a name in a pattern; `_` keeps nothing."""
        if var.name == "_":
            return
        self._fresh(var)
        self._bodies[-1][var.name] = kind

    def bind(self, var: Var, kind: Kind) -> None:
        """A name without a value gets one by `=` or as the key of a reference; it need not be declared."""
        if var.name == "_":
            return
        for waiting, body in zip(reversed(self._waiting), reversed(self._bodies), strict=True):
            if var.name in waiting:
                del waiting[var.name]
                body[var.name] = kind
                self.used(var.name)
                return
        self.give(var, kind)

    def demand(self, name: str, kind: Kind) -> None:
        """An argument of which nothing was known is used as one of this kind."""
        for body in self._bodies:
            if body.get(name) == OPEN:
                body[name] = ANY if free(kind) else kind

    def _fresh(self, var: Var) -> None:
        if var.name in ("input", "data"):
            raise Unread(var.at, f"{var.name} cannot be the name of a variable", "use another name")
        if self.knows(var.name):
            raise Unread(var.at, f"{var.name} has a value already", "use another name, or `==` to compare")
        if any(var.name in names for names in self._taken):
            raise Unread(var.at, f"{var.name} is also the name of a rule, an import or a function", "use another name")
