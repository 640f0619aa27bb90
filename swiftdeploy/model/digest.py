"""Digests of texts, as they are written in the journal."""

from __future__ import annotations

from hashlib import sha256


def of(text: str) -> str:
    """`sha256:` and the hex digest of the text's UTF-8 bytes."""
    return f"sha256:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
