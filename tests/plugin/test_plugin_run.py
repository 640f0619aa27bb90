"""Scenarios played for real: verdicts, evidence, reports, isolation."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET

import psutil

PASSES = """\
scenario: passes
tags: [deploy]
steps:
  - deploy: {}
    expect: {decision: allow}
  - request: /
    expect: {json: {mode: stable}}
    capture: {version: json.version}
"""
FAILS = """\
scenario: fails
steps:
  - deploy: {}
  - request: /
    name: the wrong version
    expect: {json: {version: 9.9.9}}
always:
  - run: ["${stack.python}", -c, "print('cleaned')"]
"""


def processes_of(root):
    """Command lines of processes whose environment names a scenario's folder below this test's."""
    found = []
    for one in psutil.process_iter():
        try:
            environment = one.environ()
        except (psutil.Error, OSError):
            continue
        if one.pid != os.getpid() and any(
            f"{root}/" in value and "swiftdeploy-" in value for value in environment.values()
        ):
            found.append(" ".join(one.cmdline()))
    return found


def test_a_scenario_that_passes_leaves_a_report_and_nothing_else(stage):
    before = (stage.root / "manifest.yaml").read_bytes()
    stage.write("scenarios/a.yaml", PASSES)
    result = stage.run("--swiftdeploy-engine=local", "--junitxml=junit.xml", "scenarios")
    result.assert_outcomes(passed=1)
    folder = stage.root / ".swiftdeploy" / "report"
    result.stdout.fnmatch_lines([f"swiftdeploy report: {folder / 'audit_report.md'}"])
    assert sorted(one.name for one in folder.iterdir()) == ["audit_report.md", "index.html", "results.json"]
    (played,) = stage.results()
    assert (played["id"], played["outcome"], [one["result"] for one in played["steps"]]) == (
        "passes", "passed", ["passed", "passed"],
    )  # fmt: skip
    assert [one["event"] for one in played["journal"]][:2] == ["decision", "intent"]
    assert "## passes: Decisions" in (folder / "audit_report.md").read_text()
    assert (stage.root / "manifest.yaml").read_bytes() == before
    assert sorted(one.name for one in (stage.root / ".swiftdeploy").iterdir()) == [".gitignore", "report"]
    case = ET.parse(stage.root / "junit.xml").find(".//testcase")
    assert (case.get("name"), case.find("properties/property").get("value")) == ("passes", "local")
    assert processes_of(stage.root.parent) == []


def test_a_scenario_that_fails_tells_place_sentence_events_and_log(stage, monkeypatch):
    summary = stage.root / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    stage.write("scenarios/a.yaml", FAILS)
    result = stage.run("--swiftdeploy-engine=local", "--swiftdeploy-report=out", "scenarios")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "scenarios/a.yaml:4: step 2 `request` (the wrong version): expected GET / to answer json *, got json*",
            "last * of * journal events:",
            "*deploy: mode stable*",
            "end of the log of stable-1:",
        ]
    )
    result.stdout.no_fnmatch_line("*.py:*")
    (played,) = stage.results("out")
    assert [one["result"] for one in played["steps"]] == ["passed", "failed", "passed"]
    assert "the wrong version" in played["failure"]
    assert "✘ failed" in summary.read_text()
    assert processes_of(stage.root.parent) == []


def test_no_sample_app_runs_in_place_of_an_image_unless_asked(stage):
    lines = (stage.root / "manifest.yaml").read_text().splitlines(keepends=True)
    stage.write("manifest.yaml", "".join(line for line in lines if "command:" not in line))
    stage.write("scenarios/a.yaml", PASSES)
    result = stage.run("scenarios")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*no engine fits: * the manifest has no services.command for the local engine*"])
    assert stage.results()[0]["outcome"] == "error"


def test_an_engine_of_the_environment_that_does_not_exist_fails_the_scenario(stage, monkeypatch):
    monkeypatch.setenv("SWIFTDEPLOY_ENGINE", "lokal")
    stage.write("scenarios/a.yaml", PASSES)
    stage.run("scenarios").stdout.fnmatch_lines(["*there is no engine 'lokal'*"])


def test_parallel_scenarios_share_no_port_and_one_report_holds_both(stage):
    for name in ("a", "b"):
        stage.write(f"scenarios/{name}.yaml", PASSES.replace("passes", name))
    result = stage.run("--swiftdeploy-engine=local", "-n", "2", "-q", "scenarios")
    result.assert_outcomes(passed=2)
    first, second = stage.results()
    assert [first["id"], second["id"]] == ["a", "b"]
    assert not ports_of(first) & ports_of(second)
    assert processes_of(stage.root.parent) == []


def ports_of(played):
    (settings,) = (one["state"]["settings"] for one in played["journal"] if one["event"] == "deploy")
    return {settings[name] for name in ("port", "admin_port", "opa_port")}


def test_a_stack_that_runs_is_never_touched(stage):
    (stage.root / "history.jsonl").write_text("not a journal\n")
    stage.write("scenarios/a.yaml", PASSES)
    stage.run("--swiftdeploy-engine=local", "scenarios").assert_outcomes(passed=1)
    assert (stage.root / "history.jsonl").read_text() == "not a journal\n"
