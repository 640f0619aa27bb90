"""A place in a list of tokens, which moves on as a file is read."""

from __future__ import annotations

from typing import NoReturn

from swiftdeploy.model.regolang.tokens import KEYWORDS, Token
from swiftdeploy.model.regolang.tree import Unread


class Cursor:
    """The next token, and the steps a reader takes. Everything that does not fit raises Unread."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._index = 0
        self.next = tokens[0]
        self.past = 0  # where the token before `next` ends

    def take(self) -> Token:
        """The next token; the cursor moves on."""
        token = self.next
        self.past = token.end
        if token.kind != "end":
            self._index += 1
            self.next = self._tokens[self._index]
        return token

    def after(self) -> Token:
        """The token behind the next one."""
        return self._tokens[min(self._index + 1, len(self._tokens) - 1)]

    def at_sign(self, text: str) -> bool:
        """Is the next token this sign?"""
        return self.next.text == text and self.next.kind == "sign"

    def at_word(self, text: str) -> bool:
        """Is the next token this keyword?"""
        return self.next.text == text and self.next.kind == "name"

    def skip(self, text: str) -> bool:
        """Take the next token if it is this sign or keyword."""
        if self.next.text != text or self.next.kind not in ("sign", "name"):
            return False
        self.take()
        return True

    def expect(self, text: str, why: str) -> Token:
        """Take this sign or keyword, which must come next; `why` says where."""
        if self.next.text != text or self.next.kind not in ("sign", "name"):
            self.fail(f"expected `{text}` {why}, not {self._shown()}")
        return self.take()

    def name(self, what: str) -> Token:
        """Take a name that is no keyword."""
        if self.next.kind != "name" or self.next.text in KEYWORDS:
            self.fail(f"expected {what}, not {self._shown()}")
        return self.take()

    def fail(self, what: str, hint: str = "") -> NoReturn:
        """Nothing can be made of the next token."""
        raise Unread(self.next.at, what, hint)

    def unexpected(self, where: str) -> NoReturn:
        """Nothing can be made of the next token; `where` says in what."""
        self.fail(f"{self._shown()} means nothing {where}")

    def _shown(self) -> str:
        return self.next.text if self.next.kind == "end" else f"`{self.next.text}`"
