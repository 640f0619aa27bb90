"""A document as records, and the same document as GitHub Markdown or as one HTML file that loads nothing.

Every text in the records is plain text: escaping happens here and nowhere else, so no text can break out of its place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

_SPACES = re.compile(r"[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
# Not printable, turning the reading direction, or half a character (which no file could hold).
_INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_MARKDOWN = re.compile(r"[\\*\[\]~]|(?<![^\W_])_|_(?![^\W_])")  # error_rate needs no escape, _this_ does
_BLOCK_START = re.compile(r"^(\d*)([-+=#.)])")
_HEADING_END = re.compile(r"#(?=#*$)")
_BAD, _GOOD = ("✘", "🟥"), ("✔",)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_WIDTH, _HEIGHT = 760, 120


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Table:
    """`omitted` is how many earlier rows were left out."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    omitted: int = 0


@dataclass(frozen=True)
class Details:
    """Something to unfold: named facts, and a text to show as it is (JSON, a log)."""

    summary: str
    facts: Sequence[tuple[str, str]]
    code: str = ""
    language: Literal["json", ""] = ""


@dataclass(frozen=True)
class Plot:
    """A line over time; `labels` are the first and the last time. Only HTML shows it."""

    title: str
    unit: str
    values: Sequence[float]
    labels: tuple[str, str]


Block = Paragraph | Table | Details | Plot


@dataclass(frozen=True)
class Section:
    title: str
    blocks: Sequence[Block]


def markdown(title: str, sections: Sequence[Section]) -> str:
    """GitHub Flavored Markdown."""
    parts = [f"# {_md_line(title)}\n"]
    for section in sections:
        if section.title:
            parts.append(f"## {_md_line(section.title)}\n")
        parts += [text for block in section.blocks if (text := _md_block(block))]
    return "\n".join(parts)


def html(title: str, sections: Sequence[Section]) -> str:
    """One page with its style inside, readable on light and dark, without scripts."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{_text(title)}</title>",
        f"<style>{_STYLE}</style></head><body><main>",
        f"<h1>{_text(title)}</h1>",
    ]
    for section in sections:
        heading = [f"<h2>{_text(section.title)}</h2>"] if section.title else []
        parts += ["<section>", *heading, *map(_html_block, section.blocks), "</section>"]
    return "\n".join([*parts, "</main></body></html>", ""])


def _md_block(block: Block) -> str:
    match block:
        case Paragraph(text):
            return f"{_md_line(text)}\n"
        case Table(columns, rows, omitted):
            head = [_md_row(columns), "|" + "|".join("-" * (len(name) + 2) for name in columns) + "|"]
            note = [f"\n{_omitted(omitted)}"] if omitted else []
            return "\n".join([*head, *map(_md_row, rows), *note, ""])
        case Details():
            return _md_details(block)
        case Plot():
            return ""


def _md_details(block: Details) -> str:
    lines = [f"<details><summary>{_text(block.summary)}</summary>", ""]
    lines += [f"- {_md_line(name)}: {_md(text)}" for name, text in block.facts]
    if block.code:
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", block.code)), default=0))
        lines += ["", fence + block.language, _printable(block.code), fence]
    return "\n".join([*lines, "", "</details>", ""])


def _md_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_md, cells)) + " |"


def _md(text: str) -> str:
    escaped = _MARKDOWN.sub(r"\\\g<0>", _one_line(text))
    return escape(escaped, quote=False).replace("|", "&#124;").replace("`", "&#96;")


def _md_line(text: str) -> str:
    """Text that is a block of its own, and must not begin (or, as a heading, end) like another kind of block."""
    return _BLOCK_START.sub(r"\1\\\2", _HEADING_END.sub(r"\\#", _md(text).strip()))


def _html_block(block: Block) -> str:
    match block:
        case Paragraph(text):
            return f"<p{_tone(text)}>{_text(text)}</p>"
        case Table(columns, rows, omitted):
            head = "".join(f"<th>{_text(name)}</th>" for name in columns)
            body = "\n".join("<tr>" + "".join(map(_td, row)) + "</tr>" for row in rows)
            note = f"<p>{_omitted(omitted)}</p>" if omitted else ""
            return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{note}'
        case Details(summary, facts, code):
            named = "".join(f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>" for name, text in facts)
            pre = f"<pre>{escape(_printable(code))}</pre>" if code else ""
            return f"<details><summary{_tone(summary)}>{_text(summary)}</summary><dl>{named}</dl>{pre}</details>"
        case Plot():
            return _svg(block)


def _td(text: str) -> str:
    return f"<td{_tone(text)}>{_text(text)}</td>"


def _tone(text: str) -> str:
    if any(sign in text for sign in _BAD):
        return ' class="bad"'
    return ' class="good"' if any(sign in text for sign in _GOOD) else ""


def _svg(plot: Plot) -> str:
    top = max(plot.values, default=0.0) or 1.0
    step = _WIDTH / max(1, len(plot.values) - 1)
    line = " ".join(f"{at * step:.1f},{_HEIGHT * (1 - value / top):.1f}" for at, value in enumerate(plot.values))
    caption = f"{plot.title}: at most {top:.4g} {plot.unit}, {plot.labels[0]} to {plot.labels[1]}"
    return (
        f'<figure><svg viewBox="-2 -2 {_WIDTH + 4} {_HEIGHT + 4}" role="img" aria-label="{_text(caption)}">'
        f'<path d="M0 0H{_WIDTH}M0 {_HEIGHT}H{_WIDTH}"/><polyline points="{line}"/></svg>'
        f"<figcaption>{_text(caption)}</figcaption></figure>"
    )


def _omitted(rows: int) -> str:
    return f"{rows} earlier rows are left out here; the journal has them."


def _text(text: str) -> str:
    return escape(_one_line(text))


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    return _INVISIBLE.sub("\ufffd", _SPACES.sub(" ", text))


def _printable(text: str) -> str:
    return "\n".join(map(_one_line, re.split(r"\r\n|\r|\n", text)))


_STYLE = """
:root { color-scheme: light dark; --line: #8885; --bad: #b3261e; --good: #1a7f37; --plot: #0969da; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #56d364; --plot: #58a6ff; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
h2 { margin-top: 2rem; border-bottom: 1px solid var(--line); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: left; vertical-align: top; }
td, dd, p, summary { overflow-wrap: anywhere; }
td:first-child { white-space: nowrap; }
.bad { color: var(--bad); font-weight: 600; }
.good { color: var(--good); }
details { border: 1px solid var(--line); border-radius: .4rem; padding: .3rem .6rem; margin: .4rem 0; }
summary { cursor: pointer; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem .8rem; }
dt { font-weight: 600; }
dd { margin: 0; }
pre { overflow-x: auto; padding: .6rem; background: #8882; border-radius: .4rem; }
figure { margin: 1rem 0; }
svg { width: 100%; max-width: 760px; }
svg path { stroke: var(--line); fill: none; }
svg polyline { stroke: var(--plot); stroke-width: 1.5; fill: none; }
"""

__all__ = ["Block", "Details", "Paragraph", "Plot", "Section", "Table", "html", "markdown"]
