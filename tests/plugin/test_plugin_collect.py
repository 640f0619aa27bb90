"""Which files are tests, under which names, and what a bad one says."""

from __future__ import annotations

import subprocess
import sys

GOOD = "scenario: good\ntags: [canary]\nmatrix: {rate: [0.1, 0.6]}\nsteps: [{deploy: {}}]\n"
OTHER = "scenario: other\nsteps: [{deploy: {}}]\n"


def names(result):
    return [line for line in result.outlines if "::" in line and not line.startswith("ERROR")]


def test_each_row_is_a_test_named_by_file_scenario_and_row(stage):
    stage.write("scenarios/a.yaml", GOOD)
    assert names(stage.collect("--collect-only", "-q")) == [
        "scenarios/a.yaml::good[rate=0.1]",
        "scenarios/a.yaml::good[rate=0.6]",
    ]


def test_a_single_node_id_is_one_row(stage):
    stage.write("scenarios/a.yaml", GOOD)
    chosen = "scenarios/a.yaml::good[rate=0.6]"
    assert names(stage.collect("--collect-only", "-q", chosen)) == [chosen]


def test_words_of_name_and_row_choose(stage):
    stage.write("scenarios/a.yaml", GOOD)
    stage.write("scenarios/b.yaml", OTHER)
    assert names(stage.collect("--collect-only", "-q", "-k", "good and 0.6")) == ["scenarios/a.yaml::good[rate=0.6]"]


def test_tags_are_marks_that_strict_markers_know(stage):
    stage.write("scenarios/a.yaml", GOOD)
    stage.write("scenarios/b.yaml", OTHER)
    result = stage.collect("--collect-only", "-q", "-m", "not canary", "--strict-markers")
    assert names(result) == ["scenarios/b.yaml::other"]


def test_only_scenarios_beside_a_manifest_and_named_ones_are_tests(stage):
    stage.write("scenarios/values.yaml", "a: 1\nsteps: 2\n")
    stage.write("scenarios/not-yaml.txt", GOOD)
    (stage.root / "elsewhere" / "scenarios").mkdir(parents=True)
    stage.write("elsewhere/scenarios/a.yaml", GOOD)
    stage.write("elsewhere/a.yaml", GOOD)
    stage.write("elsewhere/b.scenario.yaml", OTHER)
    assert names(stage.collect("--collect-only", "-q")) == ["elsewhere/b.scenario.yaml::other"]


def test_a_bad_file_is_a_collection_error_with_its_lines_and_no_traceback(stage):
    stage.write("scenarios/bad.yaml", "scenario: bad\nsteps:\n  - deploi: {}\n  - promote: {to: canry}\n")
    result = stage.collect("scenarios")
    assert result.ret == 2
    result.stdout.fnmatch_lines(
        ["scenarios/bad.yaml:3:5: steps?0?.deploi: there is no verb*", "*did you mean 'deploy'?"]
    )
    result.stdout.fnmatch_lines(["scenarios/bad.yaml:4:19: steps?1?.promote.to: *", "*did you mean 'canary'?"])
    result.stdout.no_fnmatch_line("*.py:*")


def test_a_mistyped_scenario_key_does_not_hide_a_test(stage):
    stage.write("scenarios/typo.yaml", "scenaro: typo\nsteps: [{deploy: {}}]\n")
    result = stage.collect("scenarios")
    result.stdout.fnmatch_lines(["scenarios/typo.yaml:1:1: scenaro: is unknown here*", "*did you mean 'scenario'?"])


def test_a_bad_manifest_is_told_with_its_own_lines(stage):
    stage.write("scenarios/a.yaml", GOOD)
    stage.write("manifest.yaml", "services: {}\n")
    result = stage.collect("scenarios")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["manifest.yaml:1:*"])


def test_a_key_that_the_manifest_does_not_have_is_a_collection_error(stage):
    stage.write("scenarios/a.yaml", "scenario: a\nset: {services.versoin: '2'}\nsteps: [{deploy: {}}]\n")
    stage.collect("scenarios").stdout.fnmatch_lines(["scenarios/a.yaml:2:*", "*did you mean 'version'?"])


def test_a_scenario_without_a_project_says_so(pytester):
    (pytester.path / "a.scenario.yaml").write_text(OTHER)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["a.scenario.yaml: no manifest.yaml in its folder or above*"])


def test_a_file_that_is_not_utf_8_is_a_collection_error(stage):
    (stage.root / "scenarios" / "a.yaml").write_bytes(b"scenario: \xff\n")
    stage.collect("scenarios").stdout.fnmatch_lines(["*a.yaml is not UTF-8 text*"])


def test_the_header_names_engine_and_judge(stage):
    stage.write("scenarios/a.yaml", GOOD)
    stage.collect("--collect-only", "scenarios").stdout.re_match_lines(
        [r"swiftdeploy: engine local \(nginx \d+\.\d+\.\d+\), judge (embedded|opa .+)"]
    )


def test_a_run_without_scenarios_has_no_header_and_no_report(stage):
    stage.write("test_plain.py", "def test_plain(): pass\n")
    result = stage.collect("test_plain.py")
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*swiftdeploy*engine*")
    assert not (stage.root / ".swiftdeploy").exists()


def test_an_engine_that_does_not_exist_is_a_usage_error(stage):
    result = stage.collect("--swiftdeploy-engine=lokal")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*there is no such engine*"])


def test_loading_the_plugin_loads_nothing_heavy():
    code = (
        "import sys, pytest; before = set(sys.modules); import swiftdeploy.pytest_plugin; "
        "print(sorted({one.split('.')[0] for one in set(sys.modules) - before}))"
    )
    out = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True).stdout
    assert set(eval(out)) <= {"swiftdeploy"}
