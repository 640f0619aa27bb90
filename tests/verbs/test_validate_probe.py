"""validate asks what runs once for each path of the probe, and says in words what is no page there."""

from __future__ import annotations

from fakes import Bench

from swiftdeploy.model.check import Check
from swiftdeploy.verbs.deploy import deploy
from swiftdeploy.verbs.validate import validate


def of_probe(bench: Bench) -> list[Check]:
    return [one for one in validate(bench.world()) if one.name == "canary.probe"]


def test_it_is_skipped_while_nothing_runs(bench: Bench) -> None:
    assert of_probe(bench) == [Check("canary.probe", "skipped", "nothing runs that could be asked for its paths")]


def test_pages_that_answer_pass(bench: Bench) -> None:
    deploy(bench.world())
    bench.traffic.answers = {"/": 302}
    assert of_probe(bench) == [Check("canary.probe", "pass", "stable-1 answers on /")]


def test_each_path_without_a_page_is_a_warning(bench: Bench) -> None:
    bench.edit("  window: 1s", "  window: 1s\n  probe: {paths: [/a, /b, /c]}")
    deploy(bench.world())
    bench.traffic.answers = {"/a": 404, "/b": 200, "/c": 0}
    assert of_probe(bench) == [
        Check("canary.probe", "warning", "probe of /a answered 404: canary.probe.paths names pages that answer"),
        Check("canary.probe", "warning", "probe of /c of stable-1 failed: no answer in 5 s"),
    ]


def test_without_a_probe_there_is_nothing_to_ask(bench: Bench) -> None:
    bench.edit("  window: 1s", "  window: 1s\n  probe: off")
    deploy(bench.world())
    assert of_probe(bench) == []
