"""The nearest known word to one that a user mistyped."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like this one, or None. Long words are not compared: nobody mistypes 60 characters."""
    if len(word) > 60:
        return None
    folded = {one.lower(): one for one in reversed(list(known))}
    found = get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def hint(word: str, known: Iterable[str]) -> str:
    """`did you mean 'canary'?`, or nothing when no known word is near."""
    found = nearest(word, known)
    return f"did you mean {found!r}?" if found else ""
