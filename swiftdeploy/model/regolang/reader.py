"""Reads one rule as OPA's compiler does: every name has a value where it is used, and no kinds meet that cannot."""

from __future__ import annotations

from typing import assert_never

from swiftdeploy.model.regolang import builtins, names
from swiftdeploy.model.regolang.kinds import (
    ANY,
    BOOLEAN,
    NUMBER,
    OPEN,
    STRING,
    Gathered,
    Keyed,
    Kind,
    Listed,
    array,
    either,
    elements,
    field,
    free,
    meet,
    object_of,
    of_scalar,
    set_of,
    surely,
    told,
)
from swiftdeploy.model.regolang.project import Home, Path, Project
from swiftdeploy.model.regolang.rewrite import pieces
from swiftdeploy.model.regolang.scope import Scope
from swiftdeploy.model.regolang.tree import (
    Body,
    Call,
    Comprehension,
    Every,
    Infix,
    Items,
    Line,
    Pairs,
    Ref,
    Rule,
    Scalar,
    Some,
    Term,
    Unread,
    Var,
)

_ORDER = ("<", "<=", ">", ">=", "!=")
_COLLECTION = either(array(), set_of(), object_of())


def kind_of(project: Project, package: Path, name: str) -> Kind:
    """What a rule holds or a function gives. Rules that are wrong may hold anything: they are told of where they
    stand."""
    if (package, name) not in project.kinds:
        project.kinds[package, name] = ANY  # a rule that leads back to itself is refused elsewhere
        found: list[Kind] = []
        takes: list[tuple[Kind, ...]] = []
        for home in project.rules(package, name):
            try:
                given, taken = read(project, home)
            except Unread as error:
                project.wrong.append((home.module, error))
                given, taken = ANY, (ANY,) * len(home.rule.args)
            found.append(given)
            takes.append(taken)
        project.kinds[package, name] = _together(found)
        project.takes[package, name] = tuple(either(*kinds) for kinds in zip(*takes, strict=False))
    return project.kinds[package, name]


def _together(kinds: list[Kind]) -> Kind:
    """One document of all rules of a name: partial objects and sets are one object or set."""
    sets = [one.of for kind in kinds for one in kind if isinstance(one, Gathered)]
    parts = [one for kind in kinds for one in kind]
    if sets and len(sets) == len(parts):
        return set_of(either(*sets))
    return either(*kinds)


def read(project: Project, home: Home) -> tuple[Kind, tuple[Kind, ...]]:
    """The kind of a rule's value and those of its arguments. Raises Unread for the first thing that is wrong."""
    reader = _Reader(project, home)
    return reader.rule(home.rule)


def _format(call: Call) -> None:
    template, values = call.args
    if not isinstance(template, Scalar) or not isinstance(values, Items):
        raise Unread(call.at, "sprintf needs its format and its array written out", 'write `sprintf("... %v", [x])`')
    pieces(str(template.value), len(values.items), template.at)


class _Reader:
    def __init__(self, project: Project, home: Home) -> None:
        self._project = project
        self._module = home.module
        self._scope = Scope(project.packages[home.module.package], home.module.names, builtins.WORDS)

    def rule(self, rule: Rule) -> tuple[Kind, tuple[Kind, ...]]:
        """See `read`."""
        self._scope.enter()
        for arg in rule.args:
            self._pattern(arg, OPEN)
        values = [self._branch(rule, at) for at in range(len(rule.branches))]
        takes = tuple(self._taken(arg) for arg in rule.args)
        self._scope.leave()
        return either(*values), takes

    def _taken(self, arg: Term) -> Kind:
        if isinstance(arg, Var):
            kind = self._scope.kind(arg.name) or ANY
            return ANY if free(kind) else kind
        return self._kind(arg) if isinstance(arg, Scalar) else ANY

    def _branch(self, rule: Rule, at: int) -> Kind:
        branch = rule.branches[at]
        self._scope.enter()
        self._body(branch.body)
        key = self._kind(rule.key) if rule.key is not None else ANY
        value = BOOLEAN if branch.value is None else self._kind(branch.value)
        self._scope.leave()
        if rule.kind == "set":
            return set_of(key)
        if rule.kind == "object":
            named = isinstance(rule.key, Scalar)
            return frozenset((Keyed(((rule.key.value, value),)),)) if named else object_of(value, key)  # type: ignore[union-attr]
        return value

    def _body(self, lines: Body) -> None:
        for line in lines:
            self._line(line)

    def _line(self, line: Line) -> None:
        for one in line.withs:
            self._with(one.target, one.value)
        what = line.what
        match what:
            case Some():
                self._some(what)
            case Every():
                self._every(what)
            case Infix(op=":="):
                self._assign(what)
            case Infix(op="="):
                self._unify(what)
            case _:
                self._kind(what, binds=not line.negated, condition=True)

    def _with(self, target: Term, value: Term) -> None:
        head = target.head if isinstance(target, Ref) else target
        if not isinstance(head, Var) or head.name not in ("input", "data"):
            raise Unread(target.at, "`with` replaces a part of `input` or `data` here", names.OPA_HAS_IT)
        if not isinstance(target, Ref) or not all(isinstance(one, Scalar) for one in target.path):
            raise Unread(
                target.at, f"`with {head.name} as` is not judged alike", f"write `with {head.name}.field as value`"
            )
        self._kind(value)

    def _some(self, some: Some) -> None:
        if some.among is None:
            for name in some.names:
                assert isinstance(name, Var)
                self._scope.declare(name)
            return
        found = self._elements(some.among)
        kinds = found if len(some.names) == 2 else found[1:]
        for name, kind in zip(some.names, kinds, strict=True):
            if not isinstance(name, Var):
                raise Unread(name.at, "`some ... in` takes names here", "compare in a line of its own")
            self._scope.give(name, kind)

    def _elements(self, among: Term) -> tuple[Kind, Kind]:
        kind = self._kind(among, binds=True)
        found = elements(kind)
        if found is None or not meet(kind, _COLLECTION):
            raise Unread(among.at, f"this is {told(kind)}, which has no elements")
        return found

    def _every(self, every: Every) -> None:
        found = self._elements(every.among)
        self._scope.enter()
        kinds = found if len(every.names) == 2 else found[1:]
        for name, kind in zip(every.names, kinds, strict=True):
            self._scope.give(name, kind)
            self._scope.await_use(name)
        self._body(every.body)
        self._scope.leave()

    def _assign(self, line: Infix) -> None:
        kind = self._kind(line.right, binds=True)
        self._pattern(line.left, kind)

    def _pattern(self, term: Term, kind: Kind) -> None:
        """Names that a value gives a value: `x`, `[a, b]`."""
        if isinstance(term, Var):
            self._scope.give(term, kind)
        elif isinstance(term, Items) and term.kind == "array":
            self._meet(term, array() if term.items else kind, kind)
            for at, item in enumerate(term.items):
                place = field(kind, Scalar(item.at, item.end, at))
                self._pattern(item, ANY if place is None or free(kind) else place)
        elif isinstance(term, Scalar):
            self._meet(term, of_scalar(term.value), kind)
        else:
            raise Unread(term.at, "only a name, or an array of names, can be given a value here")

    def _unify(self, line: Infix) -> None:
        left, right = line.left, line.right
        if self._unbound(left) and self._unbound(right):
            self._kind(left)
        if self._unbound(right):
            left, right = right, left
        if not self._unbound(left):
            raise Unread(line.sign_at, "`=` gives no name a value here, and judges differ on it", "write `==`")
        kind = self._kind(right, binds=True)
        if isinstance(left, Var):
            self._scope.bind(left, kind)
            return
        raise Unread(left.at, "`=` gives a value to a single name here", "write `:=`")

    def _unbound(self, term: Term) -> bool:
        """Is it a name without a value, or an array with one in it?"""
        if isinstance(term, Items):
            return any(self._unbound(item) for item in term.items)
        if not isinstance(term, Var) or self._scope.kind(term.name) is not None:
            return False
        rules, imports = self._project.packages[self._module.package], self._module.names
        return term.name not in rules and term.name not in imports and term.name not in ("input", "data")

    def _kind(self, term: Term, binds: bool = False, condition: bool = False) -> Kind:
        """What a term can be. `binds`: names without a value in brackets get one. `condition`: it stands as a line."""
        match term:
            case Scalar():
                return of_scalar(term.value)
            case Var():
                return self._named(term, (), binds)
            case Ref():
                return self._reference(term, binds)
            case Call():
                return self._call(term, binds)
            case Infix():
                return self._infix(term, binds, condition)
            case Items():
                return self._items(term, binds)
            case Pairs():
                return self._pairs(term, binds)
            case Comprehension():
                return self._comprehension(term)
            case _:
                assert_never(term)

    def _named(self, head: Var, path: tuple[Term, ...], binds: bool) -> Kind:
        local = self._scope.kind(head.name)
        if local is not None:
            self._scope.used(head.name)
            if path:
                self._scope.demand(head.name, ANY)
            return self._below(ANY if local == OPEN and path else local, path, binds)
        if head.name == "_":
            raise Unread(head.at, "`_` has no value")
        if self._scope.knows(head.name):
            raise Unread(head.at, f"{head.name} is declared, but no line above gives it a value")
        found = names.target(self._project, self._module, head, path)
        if found.package is None:
            return self._below(ANY, found.rest, binds)
        if self._project.is_function(found.package, found.rule):
            raise Unread(head.at, f"{found.rule} is a function", f"call it: `{found.rule}(...)`")
        return self._below(kind_of(self._project, found.package, found.rule), found.rest, binds)

    def _reference(self, ref: Ref, binds: bool) -> Kind:
        if isinstance(ref.head, Var):
            return self._named(ref.head, ref.path, binds)
        if not isinstance(ref.head, Call):
            raise Unread(ref.at, "only a name or a call has fields here", "give it a name first: `x := ...`")
        return self._below(self._kind(ref.head, binds), ref.path, binds)

    def _below(self, kind: Kind, path: tuple[Term, ...], binds: bool) -> Kind:
        for step in path:
            kind = self._step(kind, step, binds)
        return kind

    def _step(self, kind: Kind, step: Term, binds: bool) -> Kind:
        if isinstance(step, Scalar):
            found = field(kind, step)
            if found is None:
                raise Unread(step.at, f"{step.value} is no field of {told(kind)} that stands here")
            return found
        if not isinstance(step, Var | Ref):
            raise Unread(step.at, "brackets hold a name, a text or a number here", "give it a name first: `x := ...`")
        inner = elements(kind)
        if inner is None:
            raise Unread(step.at, f"this is {told(kind)}, which has no elements")
        if isinstance(step, Var) and (step.name == "_" or self._unbound(step)):
            raise Unread(step.at, f"{step.name} has no value here", "iterate in a line above: `some x in xs`")
        self._meet(step, self._kind(step), inner[0])
        return inner[1]

    def _meet(self, term: Term, kind: Kind, expected: Kind) -> None:
        if not meet(kind, expected):
            raise Unread(term.at, f"expected {told(expected)}, not {told(kind)}")

    def _demand(self, term: Term, kind: Kind) -> None:
        """A function's own argument is of the kind that it is first used as, also inside an array."""
        if isinstance(term, Var):
            self._scope.demand(term.name, kind)
        elif isinstance(term, Items):
            inner = elements(kind)
            for item in term.items:
                self._demand(item, ANY if inner is None else inner[1])

    def _expect(self, term: Term, kind: Kind, expected: Kind) -> None:
        self._demand(term, expected)
        self._meet(term, kind, expected)

    def _call(self, call: Call, binds: bool) -> Kind:
        if self._scope.knows(call.name.partition(".")[0]):
            raise Unread(call.at, f"{call.name} is a variable here and cannot be called", "rename the variable")
        called = names.function(self._project, self._module, call)
        if called is None:
            takes, gives = builtins.KNOWN[call.name]
            if len(call.args) != len(takes):
                raise Unread(call.at, f"{call.name} takes {len(takes)} arguments, not {len(call.args)}")
        else:
            gives = kind_of(self._project, *called)
            takes = self._project.takes.get(called, (ANY,) * len(call.args))
        kinds = [self._kind(arg, binds) for arg in call.args]
        for arg, kind, expected in zip(call.args, kinds, takes, strict=True):
            self._expect(arg, kind, expected)
        firm = call.name not in builtins.PARTIAL
        if firm and all(surely(kind, expected) for kind, expected in zip(kinds, takes, strict=True)):
            self._certain(call.end - 1)
        if call.name == "sprintf":
            _format(call)
        return gives

    def _infix(self, term: Infix, binds: bool, condition: bool) -> Kind:
        if term.op == "==":
            return self._compared(term, binds)
        left, right = self._kind(term.left, binds), self._kind(term.right, binds)
        if term.op == "in":
            if not condition:
                raise Unread(term.sign_at, "`in` is a condition of its own line here", "write it as a line")
            return self._member(term, left, right)
        if term.op in _ORDER:
            if left == right and left in (NUMBER, STRING):
                self._certain(term.sign_at)
            self._demand(term.left, ANY)
            self._demand(term.right, ANY)
            return BOOLEAN
        if condition:
            raise Unread(
                term.sign_at, f"`{term.op}` gives a value and is no condition", "compare it, or give it a name"
            )
        return self._computed(term, left, right)

    def _certain(self, at: int) -> None:
        self._project.certain.add((self._module.file, at))

    def _compared(self, term: Infix, binds: bool) -> Kind:
        left, right = self._kind(term.left, binds), self._kind(term.right, binds)
        self._demand(term.left, right)
        self._demand(term.right, left)
        if not meet(left, right):
            raise Unread(term.sign_at, f"{told(left)} is never equal to {told(right)}")
        return BOOLEAN

    def _member(self, term: Infix, left: Kind, right: Kind) -> Kind:
        inner = elements(right)
        if inner is None:
            raise Unread(term.right.at, f"this is {told(right)}, which has no elements")
        self._demand(term.right, ANY)
        self._expect(term.left, left, inner[1])
        return BOOLEAN

    def _computed(self, term: Infix, left: Kind, right: Kind) -> Kind:
        sets = term.op in "-|&" and not (meet(left, NUMBER) and meet(right, NUMBER))
        expected = set_of() if sets or term.op in "|&" else NUMBER
        self._expect(term.left, left, expected)
        self._expect(term.right, right, expected)
        if term.op in "+-*" and left == right == NUMBER:
            self._certain(term.sign_at)
        if expected == NUMBER:
            return NUMBER
        return set_of() if free(left) or free(right) else either(left, right)

    def _items(self, term: Items, binds: bool) -> Kind:
        inner = tuple(self._kind(item, binds) for item in term.items)
        return frozenset((Listed(inner),)) if term.kind == "array" else set_of(either(*inner))

    def _pairs(self, term: Pairs, binds: bool) -> Kind:
        fields: dict[object, Kind] = {}
        rest: Kind | None = None
        for key, value in term.pairs:
            name, held = self._kind(key, binds), self._kind(value, binds)
            self._demand(value, ANY)
            if not isinstance(key, Scalar):
                rest = either(rest or frozenset(), held)
            elif key.value in fields:
                raise Unread(key.at, f"the field {key.value} stands here twice")
            else:
                fields[key.value] = held
            self._meet(key, name, STRING)
        return frozenset((Keyed(tuple(fields.items()), rest),))

    def _comprehension(self, term: Comprehension) -> Kind:
        self._scope.enter()
        self._body(term.body)
        names = STRING if term.key is None else self._kind(term.key)
        self._meet(term.key or term, names, STRING)
        value = self._kind(term.value)
        self._scope.leave()
        return {"array": array(value), "set": set_of(value), "object": object_of(value, names)}[term.kind]
