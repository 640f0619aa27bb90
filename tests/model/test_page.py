"""No text breaks out of its place, in Markdown as a real parser reads it and in HTML as a browser would."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from swiftdeploy.model.page import Details, Paragraph, Plot, Section, Table, html, markdown

GITHUB = MarkdownIt("commonmark", {"html": True}).enable("table")
MARKS = st.text(alphabet="|`*_~[]()<>&!\\#-\"' \n\r\t:;ab1é\u202e\x00\x1b\ud800", max_size=12) | st.text(
    st.characters(exclude_categories=("C",)), max_size=12
)
NASTY = '| `x` <script>alert(1)</script> **b** [l](http://x) \\| &amp; "q" \n\n# h'


class Reader(HTMLParser):
    """Tags, and the text in each of one kind."""

    def __init__(self, page: str, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.inside = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag == self.kind:
            self.inside = True
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self.kind:
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[-1] += data


def shown(text: str) -> str:
    """What a reader sees of a text: visible characters and single spaces."""
    return " ".join("".join(one if one.isprintable() or one.isspace() else "\ufffd" for one in text).split())


def seen(text: str) -> str:
    return " ".join(text.split())


def all_blocks(text: str) -> list[Section]:
    blocks = (
        Paragraph(text),
        Table((text, "b"), [(text, "x"), ("y", text)], 3),
        Details(text, [(text, text)], json.dumps({"k": text}, indent=2), "json"),
        Plot(text, text, (1.0, 2.0), (text, text)),
    )
    return [Section(text, blocks)]


@given(MARKS)
@example(NASTY)
@example("a\\")
@example("__init__ _x_ a_b")
def test_any_text_in_a_markdown_table_is_read_as_that_text_in_its_cell(text):
    table = Table(("A", "B"), [(text, "x"), ("y", text), ("end", "")])
    page = Reader(GITHUB.render(markdown("t", [Section("s", [table])])), "td")
    cells = [seen(cell) for cell in page.texts]
    assert cells == [shown(text), "x", "y", shown(text), "end", ""]
    assert set(page.tags) <= {"h1", "h2", "table", "thead", "tbody", "tr", "th", "td"}


@given(MARKS)
@example(NASTY)
@example("</summary></details>\n\n# h")
def test_any_text_in_markdown_details_makes_no_other_element(text):
    details = Details(text, [(text, text)], json.dumps({"k": text}, indent=2), "json")
    page = Reader(GITHUB.render(markdown("t", [Section("s", [details])])), "code")
    assert page.tags == ["h1", "h2", "details", "summary", "ul", "li", "pre", "code"]
    assert json.loads(page.texts[0]) == {"k": text}


@given(MARKS)
@example(NASTY)
def test_any_text_in_html_makes_no_other_element(text):
    page, harmless = Reader(html(text, all_blocks(text)), "td"), Reader(html("a", all_blocks("a")), "td")
    assert [tag for tag in page.tags if tag != "h2"] == [tag for tag in harmless.tags if tag != "h2"]
    assert [seen(cell) for cell in page.texts] == [shown(text), "x", "y", shown(text)]


@given(MARKS)
def test_a_document_can_always_be_written_to_a_file(text):
    for make in (html, markdown):
        make(text, all_blocks(text)).encode("utf-8")


@given(MARKS)
@example("# h")
@example("1. x")
@example("- x #")
@example("---")
def test_any_text_as_a_paragraph_or_a_heading_is_read_as_that_text(text):
    page = GITHUB.render(markdown(f"a{text}", [Section(text, [Paragraph(text)])]))
    assert set(Reader(page, "").tags) <= {"h1", "h2", "p"}
    for kind, full in (("h1", f"a{text}"), ("h2", text), ("p", text)):
        assert [seen(one) for one in Reader(page, kind).texts] in ([shown(full)], [])


def test_code_with_fences_of_its_own_stays_in_its_block():
    details = Details("log", [], "```\n</details>\n````\nend")
    page = Reader(GITHUB.render(markdown("t", [Section("", [details])])), "code")
    assert page.texts == ["```\n</details>\n````\nend\n"]


def test_left_out_rows_are_counted():
    sections = [Section("s", [Table(("A",), [("x",)], 7)])]
    assert "7 earlier rows are left out" in markdown("t", sections)
    assert "7 earlier rows are left out" in html("t", sections)


def test_the_html_page_loads_nothing_and_runs_nothing():
    page = Reader(html("t", all_blocks("a")), "")
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert "default-src 'none'" in html("t", [])
