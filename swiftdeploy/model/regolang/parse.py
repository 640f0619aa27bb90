"""Reads a Rego file: package, imports and rules."""

from __future__ import annotations

from swiftdeploy.model.regolang.cursor import Cursor
from swiftdeploy.model.regolang.expressions import body, expression, line
from swiftdeploy.model.regolang.tokens import tokens
from swiftdeploy.model.regolang.tree import Body, Branch, Call, Import, Infix, Module, Ref, Rule, Term, Unread, Var

_LANGUAGE = frozenset((("rego", "v1"), ("future", "keywords"))) | {
    ("future", "keywords", word) for word in ("if", "in", "contains", "every", "not")
}


def parse(file: str, text: str) -> Module:
    """The tree of one file; `text` has no BOM. Raises Unread for what OPA does not read or this reader does not."""
    cursor = Cursor(tokens(text))
    package = _package(cursor)
    imports: list[Import] = []
    while cursor.at_word("import"):
        imports.append(_import(cursor))
    rules: list[Rule] = []
    while cursor.next.kind != "end":
        if not cursor.next.fresh:
            cursor.fail(f"expected a new line, not `{cursor.next.text}`")
        if cursor.at_word("import"):
            cursor.fail("an import comes before the rules")
        rules.append(_rule(cursor))
    names = {one.name: one.path for one in imports if not language(one)}
    return Module(file, package, tuple(imports), tuple(rules), names)


def language(one: Import) -> bool:
    """Does this import ask for keywords, and bring no name?"""
    return one.path in _LANGUAGE


def _package(cursor: Cursor) -> tuple[str, ...]:
    if not cursor.at_word("package"):
        cursor.fail("has no `package` line", "it starts with `package swiftdeploy.NAME`")
    cursor.take()
    return _path(cursor, "of the package")


def _path(cursor: Cursor, what: str) -> tuple[str, ...]:
    words = [cursor.name(f"the name {what}").text]
    while cursor.next.glued and cursor.at_sign("."):
        cursor.take()
        if cursor.next.kind != "name":
            cursor.unexpected("after a dot; expected a name")
        words.append(cursor.take().text)
    if cursor.at_sign("["):
        cursor.fail("a path is written with dots here")
    return tuple(words)


def _import(cursor: Cursor) -> Import:
    at = cursor.take().at
    path = _path(cursor, "to import")
    name = cursor.name("an alias").text if cursor.skip("as") else path[-1]
    if not cursor.next.fresh:
        cursor.fail(f"expected a new line after the import, not `{cursor.next.text}`")
    return Import(at, path, name)


def _rule(cursor: Cursor) -> Rule:
    if cursor.at_word("default"):
        return _default(cursor)
    head = _head(cursor)
    if cursor.at_word("contains"):
        if not isinstance(head, Var):
            raise Unread(head.at, "a set has a plain name before `contains`", "write `name contains x`")
        cursor.take()
        return _finish(cursor, head, "set", expression(cursor, 2), None)
    value = _value(cursor)
    if isinstance(head, Ref):
        if value is None:
            raise Unread(
                head.at, "a rule with a bracket needs a value", "write `name contains x` or `name[x] := value`"
            )
        return _finish(cursor, head, "object", head.path[0], value)
    if isinstance(head, Call):
        return _finish(cursor, head, "function", None, value)
    return _finish(cursor, head, "complete", None, value)


def _head(cursor: Cursor) -> Var | Ref | Call:
    """What stands left of `:=`, `contains` and `if`."""
    token = cursor.name("the name of a rule")
    at, name = token.at, token.text
    if not cursor.next.glued or not (cursor.at_sign("(") or cursor.at_sign("[") or cursor.at_sign(".")):
        return Var(at, token.end, name)
    if cursor.at_sign("."):
        raise Unread(at, "the embedded judge knows no rules with dots in their name", "OPA does: put `opa` on PATH")
    opening = cursor.take().text
    if opening == "[":
        key = expression(cursor)
        cursor.expect("]", "to close the bracket")
        return Ref(at, cursor.past, Var(at, token.end, name), (key,))
    args: list[Term] = []
    while not cursor.at_sign(")"):
        args.append(expression(cursor))
        if not cursor.skip(","):
            break
    cursor.expect(")", "or `,`")
    if not args:
        raise Unread(at, "a function needs an argument", f"write `{name} := ...` for a rule")
    return Call(at, cursor.past, name, tuple(args))


def _value(cursor: Cursor) -> Term | None:
    if cursor.skip(":=") or cursor.skip("="):
        return expression(cursor)
    return None


def _finish(cursor: Cursor, head: Var | Ref | Call, kind: str, key: Term | None, value: Term | None) -> Rule:
    lines = _condition(cursor)
    if not lines and value is None and kind != "set":
        cursor.fail("expected `:=`, `contains` or `if` in a rule", "a rule reads `allow if { ... }`")
    branches = [Branch(head.at, value, lines), *_elses(cursor, kind, bool(lines))]
    name = head.name if isinstance(head, Var | Call) else head.head.name  # type: ignore[union-attr]
    args = head.args if isinstance(head, Call) else ()
    return Rule(head.at, cursor.past, kind, name, args, key, tuple(branches))  # type: ignore[arg-type]


def _condition(cursor: Cursor) -> Body:
    if cursor.at_sign("{"):
        cursor.fail("a rule body needs `if` before it in OPA 1.x", "write `allow if {` and `reasons contains msg if {`")
    if not cursor.skip("if"):
        return ()
    if cursor.skip("{"):
        lines = body(cursor, "}")
        if not cursor.next.fresh and not cursor.at_word("else"):
            cursor.fail(f"expected a new line after the body, not `{cursor.next.text}`")
        return lines
    return (line(cursor),)


def _elses(cursor: Cursor, kind: str, conditional: bool) -> list[Branch]:
    found: list[Branch] = []
    while cursor.at_word("else"):
        if kind not in ("complete", "function") or not conditional:
            cursor.fail("`else` follows the body of a rule or function with one value")
        at = cursor.take().at
        value = _value(cursor)
        lines = _condition(cursor)
        if value is None and not lines:
            cursor.fail("expected `:=` or `if` after `else`")
        found.append(Branch(at, value, lines))
        conditional = bool(lines)
    return found


def _default(cursor: Cursor) -> Rule:
    at = cursor.take().at
    token = cursor.name("the name of a rule")
    if cursor.next.glued and (cursor.at_sign("(") or cursor.at_sign(".") or cursor.at_sign("[")):
        raise Unread(at, "the embedded judge knows defaults of plain rules only", "OPA has more: put `opa` on PATH")
    value = _value(cursor)
    if value is None:
        cursor.fail("a default needs a value", f"write `default {token.text} := false`")
    _constant(value)
    return Rule(at, cursor.past, "default", token.text, (), None, (Branch(at, value, ()),))


def _constant(value: Term) -> None:
    if isinstance(value, Var | Ref | Call | Infix):
        raise Unread(value.at, "a default is a constant: no names, no calls")
