"""What the embedded judge is never asked, and how Rego reads for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from swiftdeploy.model.regolang import check, prelude

POLICIES = Path(__file__).parents[2] / "policies"
HEAD = "package swiftdeploy.canary\n\nimport rego.v1\n\n"


def findings(body: str, **more: str) -> list[str]:
    files = {"canary.rego": HEAD + body, "data.json": '{"thresholds": {"max": 1}}', **more}
    return [str(one) for one in check.refused(files)]


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        ("allow if {\n\teror_rate > 1\n}", "canary.rego:6:2", "eror_rate has no value here"),  # an unsafe variable
        ("f(x) := x\n\nallow if f(1, 2) == 1", "canary.rego:7:10", "f takes 1 argument, not 2"),
        ("allow if upper(1) == input.a", "canary.rego:5:16", "expected a text, not a number"),
        ('allow if 1 + "a" == input.a', "canary.rego:5:14", "expected a number, not a text"),
        ('allow if limits.given(input, "a") == 1', "canary.rego:5:10", "there is no function limits.given"),
        ("allow if {\n\tinput.a == x\n\tx := 1\n}", "canary.rego:6:13", "x has no value here"),
        ('allow if http.send({"url": "x"}).status == 200', "canary.rego:5:10", "OPA has it: put `opa` on PATH"),
        ('allow if net.cidr_contains("10.0.0.0/8", input.a)', "canary.rego:5:10", "OPA has it"),
        ('allow if time.parse_ns("2006", input.a) > 1', "canary.rego:5:10", "OPA has it"),
        ("allow if rego.metadata.rule().custom.x == 1", "canary.rego:5:10", "OPA has it"),
        ("limits.canary.max := 1", "canary.rego:5:1", "no rules with dots in their name"),
        ("allow if data.nothing.x == 1", "canary.rego:5:10", "no file defines data.nothing.x"),
        ("allow if not y", "canary.rego:5:14", "y has no value here"),
        ("allow if count([x | some y in input.a]) > 0", "canary.rego:5:17", "x has no value here"),
        ("f(x) := y", "canary.rego:5:9", "y has no value here"),
        ("allow if {\n\tsome x\n\tinput.a == 1\n}", "canary.rego:6:7", "x is declared and not used"),
        ("allow if {\n\tx := 1\n\tx := 2\n}", "canary.rego:7:2", "x has a value already"),
        ("allow if {\n\tinput := 1\n}", "canary.rego:6:2", "input cannot be the name of a variable"),
        ("allow if {\n\tevery x in input.a { input.b == 1 }\n}", "canary.rego:6:8", "x is declared and not used"),
        ('f(x) := concat("", [x])\n\na := f(1)', "canary.rego:7:8", "expected a text, not a number"),
        ("input := 1", "canary.rego:5:1", "input is a name of Rego's own"),
        ('o := {"a": 1}\n\nallow if o.b == 1', "canary.rego:7:12", "b is no field"),
        ("allow if some_set.a\n\nallow contains 1", "canary.rego:7:1", "at once"),
        ("a := b\n\nb := a", "canary.rego:7:6", "leads back to itself"),
        ("default allow := input.x", "canary.rego:5:18", "a default is a constant"),
        ("default allow", "canary.rego:5:14", "a default needs a value"),
        ("allow {\n\tinput.a\n}", "canary.rego:5:7", "needs `if` before it"),
        ('allow if input.a\n    == "x"', "canary.rego:6:5", "a line cannot begin with `==`"),
        ('text := sprintf("%d %d", [input.a])', "canary.rego:5:17", "2 places for 1 values"),
        ('f(object) := object.get(object, "a", 1)', "canary.rego:5:3", "also the name of a rule"),
        ("allow if input.rate = 1", "canary.rego:5:21", "judges differ"),
        ("# METADATA\n# schemas: x\nallow if input.a", "canary.rego:6:1", "METADATA"),
    ],
)
def test_what_opa_refuses_or_judges_otherwise_is_refused_with_its_place(body: str, place: str, words: str) -> None:
    (first, *_) = findings(body)
    assert first.startswith(place)
    assert words in first


@pytest.mark.parametrize(
    "line", ["import data.lib.nothing", "import rego.v1", "import data.swiftdeploy.canary as input"]
)
def test_imports_that_lead_nowhere_or_hide_something_are_refused(line: str) -> None:
    assert findings(f"{line}\n\nallow if input.a")[0].startswith("canary.rego:5:1")


def test_a_typo_is_told_with_the_nearest_name() -> None:
    assert "did you mean `error_rate`?" in findings("error_rate := input.a\n\nallow if error_rat > 1")[0]


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(findings("allow if upper(1)\n\nreasons contains x\n\nb if lower(2)")) == 3


def test_the_shipped_policies_and_their_tests_are_not_refused() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in POLICIES.iterdir()}
    assert check.refused(files, tests=True) == ()


def written(body: str) -> str:
    wrong, modules = check.prepared({"canary.rego": HEAD + body})
    assert wrong == ()
    return modules["canary.rego"].removeprefix(HEAD)


def test_what_is_the_same_in_both_judges_is_given_as_it_stands() -> None:
    body = 'allow if {\n\tnot bad\n\tcount(reasons) == 0\n}\n\nbad if input.a == 1\n\nreasons contains "x" if bad\n'
    assert written(body) == body


@pytest.mark.parametrize(
    ("body", "given"),
    [
        ("a if input.x > 1", "a if data.J_more(input.x, 1)"),
        ("a if count(input.x) > 1", "a if data.J_sure(count(input.x)) > 1"),
        (
            "a if not input.x > 1",
            "a if { swiftdeploy_value_1 := input.x; not data.J_more(swiftdeploy_value_1, 1) }",
        ),
        (
            'a := sprintf("%v!", [input.x])',
            'a := concat("", ["", data.J_plain(input.x), "!"])',
        ),
    ],
)
def test_what_judges_do_otherwise_is_written_for_the_embedded_one(body: str, given: str) -> None:
    assert written(body).replace(f"{prelude.PACKAGE}.{prelude.PREFIX}", "J_") == given
