"""A scenario's text to records, and everything that can be wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes import MANIFEST
from hypothesis import example, given, settings
from hypothesis import strategies as st

from swiftdeploy.model.errors import BadFile
from swiftdeploy.scenario.read import read
from swiftdeploy.scenario.steps import kinds

WHOLE = """\
scenario: canary-chaos
about: a canary is caught
tags: [canary, chaos]
set: {services.version: "2.0.0"}
facts: {disk_free_gb: 40}
vars: {who: users, of: "${matrix.rate}"}
matrix: {rate: [0.05, 0.6], fault: [error, slow]}
timeout: 60s
steps:
  - deploy: {}
    expect: {decision: allow}
  - load: {id: "${vars.who}", rps: 100, path: /, background: true}
  - promote: {to: canary, weight: 25}
    name: a quarter
    when: {engine: local}
    timeout: 5s
  - chaos: {on: canary, fault: "${matrix.fault}", rate: "${matrix.rate}", duration: 2}
  - request: /
    capture: {version: json.version}
  - request: {path: "/v/${version}"}
  - assert: {policy: canary, decision: deny, reasons: "error_rate*", within: 15s}
  - rollback: {}
    expect: {within: 5s}
  - assert: {traffic: {stable: 100}, dropped_requests: 0}
always:
  - chaos: {on: canary, fault: recover}
  - wait: 10ms
"""


def findings(text, environ=None, manifest=None):
    with pytest.raises(BadFile) as caught:
        read(text, "s.yaml", environ or {}, manifest)
    return [str(one).split("\n")[0] for one in caught.value.findings]


def one_step(step):
    return f"scenario: a\nsteps:\n  - {step}\n"


def test_each_row_is_a_scenario_named_by_its_values():
    names = [one.id for one in read(WHOLE, "s.yaml", {})]
    assert names == [f"canary-chaos[rate={rate}-fault={fault}]" for rate in (0.05, 0.6) for fault in ("error", "slow")]


def test_a_value_from_the_matrix_keeps_its_type():
    first = read(WHOLE, "s.yaml", {})[0]
    assert first.steps[3].asks == {"on": "canary", "fault": "error", "rate": 0.05, "duration": 2}


def test_a_captured_name_is_left_for_the_step_that_plays():
    assert read(WHOLE, "s.yaml", {})[0].steps[5].asks == {"path": "/v/${version}"}


def test_steps_know_their_place_and_their_shared_fields():
    step = read(WHOLE, "s.yaml", {})[0].steps[2]
    assert (step.place, step.number, step.title) == ("s.yaml:13", 3, "step 3 `promote` (a quarter)")
    assert (dict(step.when), step.timeout_seconds) == ({"engine": "local"}, 5.0)


def test_the_head_has_its_defaults():
    (plain,) = read(one_step("deploy: {}"), "s.yaml", {})
    assert (plain.id, plain.tags, dict(plain.facts), plain.timeout_seconds, plain.always) == ("a", (), {}, 120.0, ())


def test_the_environment_fills_in_text():
    (scenario,) = read(one_step('request: "/${env.WHO}"'), "s.yaml", {"WHO": "me"})
    assert scenario.steps[0].asks == "/me"


def test_facts_may_be_the_real_ones():
    (scenario,) = read("scenario: a\nfacts: real\nsteps: [{deploy: {}}]\n", "s.yaml", {})
    assert scenario.facts == "real"


def test_all_findings_come_at_once_each_with_its_place():
    text = "scenario: a\ntag: [x]\nsteps:\n  - deploi: {}\n  - promote: {to: canry}\n  - wait: soon\n"
    assert [line.split(": ")[0] for line in findings(text)] == [
        "s.yaml:2:1",
        "s.yaml:4:5",
        "s.yaml:5:19",
        "s.yaml:6:11",
    ]


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        (one_step("rollout: {}"), "there is no verb `rollout`", ""),
        (one_step("promte: canary"), "there is no verb `promte`", "did you mean 'promote'?"),
        (one_step("{deploy: {}, expct: {}}"), "expct: is no field of a step", "did you mean 'expect'?"),
        (one_step("{deploy: {}, rollback: {}}"), "a step has one verb", ""),
        (one_step("{name: x}"), "a step needs a verb", ""),
        (one_step("deploy"), "a step is a mapping", ""),
        (one_step("deploy: {overide: x}"), "overide: is unknown here", "did you mean 'override'?"),
        (one_step("{deploy: {}, expect: {decison: allow}}"), "decison: is unknown here", "did you mean 'decision'?"),
        (one_step("{load: {rps: 1, for: 1s}, expect: {}}"), "`load` has nothing to expect", ""),
        (one_step("load: {rps: 1}"), "give either `for: TIME` or `background: true`", ""),
        (one_step("promote: {}"), "to is missing", ""),
        (one_step("promote: {to: canary, weight: 101}"), "weight: must be less than or equal to 100", ""),
        (one_step("promote: {to: canary, weight: '25'}"), "weight: must be a whole number, not '25'", ""),
        (one_step("chaos: {on: canary, fault: eror}"), "there is no fault 'eror'", "did you mean 'error'?"),
        (one_step("chaos: {on: judge, fault: error}"), "error cannot hit judge", ""),
        (one_step("facts: {disk_fre_gb: 1}"), "there is no host fact 'disk_fre_gb'", "did you mean 'disk_free_gb'?"),
        (one_step("assert: {}"), "asks nothing", ""),
        (one_step("assert: {decision: deny, dropped_requests: 0}"), "need policy", ""),
        (one_step("assert: {dropped_requests: {min: 2, max: 1}}"), "no number is", ""),
        (one_step("assert: {metrics: {of: canary, sampls: 1}}"), "sampls: is unknown here", "did you mean 'samples'?"),
        (one_step("request: nowhere"), "must start with '/'", "write /nowhere"),
        (one_step("run: []"), "run: must not be empty", ""),
        (one_step("host: {user: root}"), "need `of: stable, canary, proxy or judge`", ""),
        (one_step("{deploy: {}, when: {engine: locl}}"), "there is no engine 'locl'", "did you mean 'local'?"),
        (one_step("{deploy: {}, when: {os: linux}}"), "os: is unknown here", ""),
        (one_step("{deploy: {}, timeout: 3 parsecs}"), "must be a time", ""),
        (one_step("request: '/${vers}'"), "nothing is called ${vers}", ""),
        (one_step("request: '/${stack.prt}'"), "nothing is called ${stack.prt}", "did you mean 'stack.port'?"),
        (one_step("request: '/${env.NOT_SET}'"), "the environment variable NOT_SET is not set", ""),
        (one_step("{deploy: {}, timeout: '${stack.port}'}"), "must be a time", ""),
        ("scenario: a\nsteps: []\n", "steps: must not be empty", ""),
        ("scenario: a\n", "steps is missing", ""),
        ("steps: [{deploy: {}}]\n", "scenario is missing", ""),
        ("scenario: a[b]\nsteps: [{deploy: {}}]\n", "scenario", ""),
        ("scenario: a\ntags: [skip]\nsteps: [{deploy: {}}]\n", "'skip' is a mark of pytest's own", ""),
        ("scenario: a\nmatrix: {x: []}\nsteps: [{deploy: {}}]\n", "matrix.x: must not be empty", ""),
        ("scenario: a\nmatrix: {x: [1, 1]}\nsteps: [{deploy: {}}]\n", "has the row x=1 twice", ""),
        ("scenario: a\nmatrix: {x: [{}]}\nsteps: [{deploy: {}}]\n", "x must be a list of plain values", ""),
        ("scenario: a\nvars: {x: '${vars.y}', y: 1}\nsteps: [{deploy: {}}]\n", "nothing is called ${vars.y}", ""),
        ("scenario: a\nscenario: b\nsteps: [{deploy: {}}]\n", "is given twice", ""),
        ("- 1\n", "a scenario is a mapping", ""),
        ("", "a scenario is a mapping", ""),
        ("a: [", "is not valid YAML", ""),
    ],
)
def test_what_is_wrong_is_said(text, says, hint):
    with pytest.raises(BadFile) as caught:
        read(text, "s.yaml", {})
    assert says in str(caught.value)
    assert hint in str(caught.value)


def test_a_matrix_of_too_many_rows_is_refused():
    choices = "[" + ", ".join(map(str, range(20))) + "]"
    text = f"scenario: a\nmatrix: {{x: {choices}, y: {choices}}}\nsteps: [{{deploy: {{}}}}]\n"
    assert findings(text) == ["s.yaml:2:9: matrix: makes 400 rows; at most 256 are allowed"]


def test_what_every_row_finds_is_said_once():
    text = "scenario: a\nmatrix: {x: [1, 2, 3]}\nsteps: [{deploi: {}}]\n"
    assert len(findings(text)) == 1


def test_a_name_is_known_only_after_its_capture():
    text = "scenario: a\nsteps:\n  - request: '/${v}'\n  - request: /\n    capture: {v: status}\n"
    assert findings(text) == ["s.yaml:3:14: steps[0].request: nothing is called ${v} here"]


def test_a_value_that_is_captured_later_is_not_judged_yet():
    text = "scenario: a\nsteps:\n  - request: /\n    capture: {w: json.w}\n  - promote: {to: canary, weight: '${w}'}\n"
    (scenario,) = read(text, "s.yaml", {})
    assert scenario.steps[1].asks == {"to": "canary", "weight": "${w}"}


@pytest.mark.parametrize(
    ("sets", "says"),
    [
        ("{services.versoin: '2'}", "did you mean 'version'?"),
        ("{services.port: 99999}", "65535"),
        ("{services.mode: 7}", "services.mode"),
        ("{nowhere.at.all: 1}", "nowhere"),
        ("{'': 1}", "is not a dotted key"),
    ],
)
def test_set_is_tried_on_the_manifest(sets, says):
    for text in (f"scenario: a\nset: {sets}\nsteps: [{{deploy: {{}}}}]\n", one_step(f"set: {sets}")):
        with pytest.raises(BadFile) as caught:
            read(text, "s.yaml", {}, MANIFEST)
        assert says in str(caught.value)


def test_keys_that_were_set_count_in_the_steps_after():
    text = "scenario: a\nset: {canary.steps: [5, 10]}\nsteps:\n  - set: {canary.weight: 5}\n  - deploy: {}\n"
    assert len(read(text, "s.yaml", {}, MANIFEST)) == 1


def test_every_verb_of_the_folder_can_be_read():
    shortest = {
        "assert": "{dropped_requests: 0}", "chaos": "{on: canary, fault: recover}", "deploy": "{}", "facts": "real",
        "host": "{sockets: 'tcp://22'}", "load": "{rps: 1, for: 1s}", "promote": "canary", "request": "/",
        "rollback": "{}", "run": "['true']", "set": "{services.version: '2'}", "teardown": "{}", "wait": "1s",
    }  # fmt: skip
    assert set(shortest) == set(kinds())
    for verb, asks in shortest.items():
        assert read(one_step(f"{verb}: {asks}"), "s.yaml", {}, MANIFEST)[0].steps[0].verb == verb


def test_the_shipped_scenarios_can_be_read():
    folder = Path(__file__).parents[2]
    manifest = (folder / "manifest.yaml").read_text()
    shipped = sorted((folder / "scenarios").glob("*.yaml"))
    assert len(shipped) >= 5
    for path in shipped:
        assert read(path.read_text(), path.name, {}, manifest)


def reads_or_finds(text, manifest):
    try:
        return read(text, "s.yaml", {}, manifest)
    except BadFile as bad:
        return bad.findings


WORDS = [*kinds(), "scenario", "steps", "matrix", "vars", "set", "facts", "always", "expect", "capture", "when", "name",
         "timeout", "to", "canary", "${vars.x}", "${matrix.x}", "${x}", "on", "error", "real", "a"]  # fmt: skip
NODES = st.recursive(
    st.sampled_from(WORDS) | st.none() | st.booleans() | st.integers(-2, 300) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.fixed_dictionaries({"scenario": st.just("a"), "steps": st.lists(NODES, max_size=3)}, optional=dict.fromkeys(
    ["matrix", "vars", "set", "facts", "always", "tags", "timeout", "about"], NODES)))  # fmt: skip
@example({"scenario": "a", "steps": [{"chaos": {"on": "${x}", "fault": "${x}"}}]})
def test_any_tree_is_read_or_is_a_bad_file(tree):
    assert reads_or_finds(json.dumps(tree), MANIFEST)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200) | st.text("{}[]:,-\n ${}'\"abc", max_size=80))
def test_any_text_is_read_or_is_a_bad_file(text):
    assert reads_or_finds(text, None)
