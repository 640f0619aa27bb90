"""Reads terms and bodies: what stands on the right of `:=` and behind `if`."""

from __future__ import annotations

from dataclasses import replace

from swiftdeploy.model.regolang.cursor import Cursor
from swiftdeploy.model.regolang.tokens import KEYWORDS
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
    Scalar,
    Some,
    Term,
    Unread,
    Var,
    With,
)

_BINDS = {"in": 1, "|": 3, "&": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
_BINDS |= dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 2)
_RELATION = 2
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def expression(cursor: Cursor, binds: int = 1, bar: bool = True) -> Term:
    """A term with its operators, those that bind at least as close as `binds`. Without `bar` it ends before `|`, which
    begins the body of a comprehension."""
    left = _operand(cursor)
    while True:
        sign = cursor.next
        level = _BINDS.get(sign.text, 0) if sign.kind in ("sign", "name") else 0
        if level < binds or (sign.text == "|" and not bar):
            return left
        if sign.fresh:
            cursor.fail(f"a line cannot begin with `{sign.text}`", "end the line before with it")
        cursor.take()
        right = expression(cursor, level + 1, bar)
        if level <= _RELATION and _BINDS.get(cursor.next.text, 0) == level and cursor.next.kind != "string":
            cursor.fail(f"`{sign.text}` cannot be chained", "use parentheses, or a line each")
        left = Infix(left.at, right.end, sign.text, left, right, sign.at)


def body(cursor: Cursor, end: str) -> Body:
    """Lines up to the sign `end`, which is taken."""
    lines: list[Line] = []
    while not cursor.at_sign(end):
        if lines and not cursor.skip(";") and not cursor.next.fresh:
            cursor.fail(f"expected a new line, `;` or `{end}`, not `{cursor.next.text}`")
        if not cursor.at_sign(end):
            lines.append(line(cursor))
    if not lines:
        cursor.fail("a body needs at least one line")
    cursor.take()
    return tuple(lines)


def line(cursor: Cursor) -> Line:
    """One line of a body."""
    at = cursor.next.at
    negated = cursor.skip("not")
    what: Term | Some | Every
    if cursor.at_word("some"):
        what = _some(cursor)
    elif cursor.at_word("every"):
        what = _every(cursor)
    else:
        what = _statement(cursor)
    if negated and (isinstance(what, Some | Every) or (isinstance(what, Infix) and what.op in (":=", "="))):
        raise Unread(at, "`not` stands before a condition, not before `some`, `every`, `:=` or `=`")
    withs = []
    while cursor.at_word("with"):
        withs.append(_with(cursor))
    return Line(at, cursor.past, negated, what, tuple(withs))


def _statement(cursor: Cursor) -> Term:
    left = expression(cursor)
    sign = cursor.next
    if sign.kind != "sign" or sign.text not in (":=", "="):
        return left
    cursor.take()
    right = expression(cursor)
    return Infix(left.at, right.end, sign.text, left, right, sign.at)


def _some(cursor: Cursor) -> Some:
    at = cursor.take().at
    names = [expression(cursor, _RELATION)]
    while cursor.skip(","):
        names.append(expression(cursor, _RELATION))
    among = expression(cursor, _RELATION) if cursor.skip("in") else None
    if among is not None and len(names) > 2:
        raise Unread(at, "`some ... in` has one or two names", "write `some x in xs` or `some k, v in xs`")
    if among is None and not all(isinstance(one, Var) and one.name != "_" for one in names):
        raise Unread(at, "`some` declares names", "write `some x` or `some x in xs`")
    return Some(at, cursor.past, tuple(names), among)


def _every(cursor: Cursor) -> Every:
    at = cursor.take().at
    names = [_variable(cursor)]
    if cursor.skip(","):
        names.append(_variable(cursor))
    cursor.expect("in", "after the names of `every`")
    among = expression(cursor, _RELATION)
    cursor.expect("{", "for the body of `every`")
    return Every(at, cursor.past, tuple(names), among, body(cursor, "}"))


def _variable(cursor: Cursor) -> Var:
    token = cursor.name("a name")
    return Var(token.at, token.end, token.text)


def _with(cursor: Cursor) -> With:
    cursor.take()
    target = _operand(cursor)
    cursor.expect("as", "after the target of `with`")
    return With(target, expression(cursor))


def _operand(cursor: Cursor) -> Term:
    """A term without operators, with all that follows it by dots and brackets."""
    token = cursor.next
    if token.kind == "string":
        cursor.take()
        return Scalar(token.at, token.end, token.text)
    if token.kind == "number":
        cursor.take()
        return Scalar(token.at, token.end, _number(token.text))
    if token.kind == "name":
        return _followed(cursor, _named(cursor))
    if token.kind == "sign" and token.text in "-([{":
        return _signed(cursor)
    return cursor.unexpected("here; expected a value")


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _named(cursor: Cursor) -> Term:
    token = cursor.next
    after = cursor.after()
    called = after.kind == "sign" and after.text == "(" and after.glued
    if token.text in _WORDS:
        cursor.take()
        return Scalar(token.at, token.end, _WORDS[token.text])
    if token.text in KEYWORDS and not (token.text == "contains" and called):
        return cursor.unexpected("here: it is a keyword")
    cursor.take()
    return Var(token.at, token.end, token.text)


def _signed(cursor: Cursor) -> Term:
    if cursor.at_sign("-"):
        return _negative(cursor)
    if cursor.at_sign("["):
        return _followed(cursor, _array(cursor))
    if cursor.at_sign("{"):
        return _followed(cursor, _braces(cursor))
    opening = cursor.take()
    inner = expression(cursor)
    cursor.expect(")", "to close the parenthesis")
    if cursor.next.glued and (cursor.at_sign(".") or cursor.at_sign("[")):
        cursor.fail("a parenthesis has no fields", "give it a name first: `x := ...`")
    return replace(inner, at=opening.at, end=cursor.past)


def _negative(cursor: Cursor) -> Scalar:
    sign = cursor.take()
    if cursor.next.kind != "number" or not cursor.next.glued:
        cursor.fail("`-` stands before a number or between two", "write `0 - x`")
    token = cursor.take()
    return Scalar(sign.at, token.end, -_number(token.text))


def _followed(cursor: Cursor, head: Term) -> Term:
    """`head` with its dots, brackets and parentheses, none of which may have a space before it."""
    term = head
    path: list[Term] = []
    while cursor.next.kind == "sign" and cursor.next.glued and cursor.next.text in ".[(":
        if cursor.at_sign("("):
            term, path = _call(cursor, term, path), []
        else:
            path.append(_step(cursor))
    return Ref(head.at, cursor.past, term, tuple(path)) if path else term


def _step(cursor: Cursor) -> Term:
    if cursor.take().text == ".":
        token = cursor.next
        if token.kind != "name" or not token.glued:
            return cursor.unexpected("after a dot; expected a name")
        if token.text in KEYWORDS:
            cursor.fail(f"`{token.text}` is a keyword", f'write `["{token.text}"]`')
        cursor.take()
        return Scalar(token.at, token.end, token.text)
    inner = expression(cursor)
    cursor.expect("]", "to close the bracket")
    return inner


def _call(cursor: Cursor, head: Term, path: list[Term]) -> Term:
    words = [one.value for one in path if isinstance(one, Scalar)]
    if not isinstance(head, Var) or len(words) < len(path) or not all(isinstance(one, str) for one in words):
        cursor.fail("only a name can be called")
    name = ".".join((head.name, *map(str, words)))
    cursor.take()
    args, end = _list(cursor, ")")
    if name == "set" and not args:
        return Items(head.at, end, "set", ())
    return Call(head.at, end, name, args)


def _list(cursor: Cursor, end: str) -> tuple[tuple[Term, ...], int]:
    """Terms between commas up to `end`, and where that ends."""
    found: list[Term] = []
    while not cursor.at_sign(end):
        found.append(expression(cursor))
        if not cursor.skip(","):
            break
    closing = cursor.expect(end, "or `,`")
    return tuple(found), closing.end


def _array(cursor: Cursor) -> Term:
    at = cursor.take().at
    if cursor.at_sign("]"):
        return Items(at, cursor.take().end, "array", ())
    first = expression(cursor, bar=False)
    if cursor.skip("|"):
        lines = body(cursor, "]")
        return Comprehension(at, cursor.past, "array", None, first, lines)
    rest, end = _more(cursor, "]")
    return Items(at, end, "array", (first, *rest))


def _more(cursor: Cursor, end: str) -> tuple[tuple[Term, ...], int]:
    if cursor.skip(","):
        return _list(cursor, end)
    return (), cursor.expect(end, "or `,`").end


def _braces(cursor: Cursor) -> Term:
    at = cursor.take().at
    if cursor.at_sign("}"):
        return Pairs(at, cursor.take().end, ())
    first = expression(cursor, bar=False)
    if cursor.skip(":"):
        return _object(cursor, at, first)
    if cursor.skip("|"):
        lines = body(cursor, "}")
        return Comprehension(at, cursor.past, "set", None, first, lines)
    rest, end = _more(cursor, "}")
    return Items(at, end, "set", (first, *rest))


def _object(cursor: Cursor, at: int, first: Term) -> Term:
    value = expression(cursor, bar=False)
    if cursor.skip("|"):
        lines = body(cursor, "}")
        return Comprehension(at, cursor.past, "object", first, value, lines)
    pairs = [(first, value)]
    while cursor.skip(",") and not cursor.at_sign("}"):
        key = expression(cursor, bar=False)
        cursor.expect(":", "after the key")
        pairs.append((key, expression(cursor)))
    return Pairs(at, cursor.expect("}", "or `,`").end, tuple(pairs))
