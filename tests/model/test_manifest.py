"""The manifest: what is accepted, what the defaults are, and what is wrong with the rest, all at once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.model import digest
from swiftdeploy.model.errors import BadFile
from swiftdeploy.model.manifest import Manifest, parse
from swiftdeploy.model.yamledit import as_json
from swiftdeploy.model.yamlfile import with_values

ARTICLE = """\
services:
  image: swift-deploy-1-node:latest
  port: 3000
  mode: stable                    # stable or canary
  version: "1.0.0"
  restart_policy: unless-stopped
  log_volume: swiftdeploy-logs

nginx:
  image: nginx:latest
  port: 8080
  proxy_timeout: 30

opa:
  image: openpolicyagent/opa:latest-static
  port: 8181

network:
  name: swiftdeploy-net
  driver_type: bridge

contact: "ops@swiftdeploy.local"
"""

SMALLEST = """\
services: {image: app, port: 3000}
nginx: {image: nginx, port: 8080}
network: {name: net, driver_type: bridge}
"""


def refused(text: str) -> str:
    with pytest.raises(BadFile) as wrong:
        parse(text, "m.yaml")
    return "\n".join(map(str, wrong.value.findings))


def with_(key: str, value: object) -> str:
    return with_values(SMALLEST, {key: value})  # type: ignore[dict-item]


def test_the_articles_manifest_is_accepted_as_it_stands() -> None:
    manifest = parse(ARTICLE)
    services = manifest.services
    assert (services.image, services.port, services.mode) == ("swift-deploy-1-node:latest", 3000, "stable")
    assert (services.version, services.restart_policy) == ("1.0.0", "unless-stopped")
    assert (manifest.nginx.port, manifest.nginx.proxy_timeout_seconds, manifest.opa.port) == (8080, 30.0, 8181)
    assert (manifest.network.name, manifest.contact) == ("swiftdeploy-net", "ops@swiftdeploy.local")


def test_the_defaults_are_those_of_the_contract() -> None:
    manifest = parse(SMALLEST)
    services, nginx, opa, canary = manifest.services, manifest.nginx, manifest.opa, manifest.canary
    assert (services.mode, services.version, services.log_volume) == ("stable", "1.0.0", "swiftdeploy-logs")
    assert (services.restart_policy, services.build, services.command) == ("unless-stopped", None, None)
    assert (services.env, services.health_path, services.metrics_path) == ({}, "/healthz", "/metrics")
    assert (services.start_timeout_seconds, services.drain_timeout_seconds) == (60.0, 30.0)
    assert (services.resources.memory, services.resources.cpus) == (None, None)
    assert (nginx.proxy_timeout_seconds, nginx.bind, nginx.admin_port, nginx.private_paths) == (30.0, None, 8081, ())
    assert (opa.image, opa.port, opa.on_unavailable) == ("openpolicyagent/opa:latest-static", 8181, "embedded")
    assert (canary.weight, canary.window_seconds, canary.steps) == (100, 30.0, (10, 50, 100))
    assert canary.interval_seconds == 30.0
    assert canary.probe is not None
    assert (canary.probe.path, canary.probe.requests, canary.probe.rps) == ("/", 300, 150.0)
    assert (manifest.contact, manifest.engine) == ("ops@swiftdeploy.local", None)


def test_defaults_that_follow_another_key_follow_it() -> None:
    manifest = parse(with_values(SMALLEST, {"nginx.port": 9000, "nginx.proxy_timeout": "5s"}))
    assert (manifest.nginx.admin_port, manifest.services.drain_timeout_seconds) == (9001, 5.0)
    given_both = parse(with_values(SMALLEST, {"nginx.admin_port": 7000, "services.drain_timeout": "2m"}))
    assert (given_both.nginx.admin_port, given_both.services.drain_timeout_seconds) == (7000, 120.0)


def test_a_manifest_cannot_be_changed() -> None:
    manifest = parse(SMALLEST)
    with pytest.raises(ValueError, match="frozen"):
        manifest.contact = "x"
    with pytest.raises(ValueError, match="frozen"):
        manifest.services.port = 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("services.image", "registry.example:5000/team/app-x_y:1.0@sha256:" + "a" * 64),
        ("services.image", "localhost/a"),
        ("services.version", "2.0.0-rc.1+build 7"),
        ("services.restart_policy", "on-failure:5"),
        ("services.restart_policy", "no"),
        ("services.health_path", "/health?full=1&x=%20"),
        ("services.command", ["{python}", "-c", "print({'a': 1})", "--port={port}"]),
        ("services.resources", {"memory": "256m", "cpus": 0.5}),
        ("nginx.bind", "::1"),
        ("nginx.private_paths", ["/metrics", "/chaos"]),
        ("nginx.proxy_timeout", "500ms"),
        ("canary.steps", [1, 100]),
        ("canary.probe", {"rps": 1000}),
        ("contact", "o'brien@x.io"),
        ("contact", "'; } $uri \\ \" {{ x }}"),
        ("contact", "é" * 200),
        ("engine", "docker"),
    ],
)
def test_what_the_contract_allows_is_accepted(key: str, value: object) -> None:
    assert isinstance(parse(with_(key, value)), Manifest)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("services.image", "Foo/Bar:1", "must be an image"),
        ("services.image", "a:b:c", "must be an image"),
        ("services.image", "a b", "must be an image"),
        ("services.image", "", "must not be empty"),
        ("services.port", 0, "whole number from 1 to 65535, not 0"),
        ("services.port", 65536, "whole number from 1 to 65535, not 65536"),
        ("services.port", 3000.0, "whole number from 1 to 65535, not 3000"),
        ("services.port", True, "whole number from 1 to 65535, not true"),
        ("services.port", "3000", "write 3000"),
        ("services.mode", "canry", "did you mean 'canary'?"),
        ("services.version", 2, 'YAML read 2 as a number; write "2"'),
        ("services.version", "x" * 129, "is 129 characters long; at most 128"),
        ("services.version", "1\n0", "U+000A"),
        ("services.restart_policy", "allways", "did you mean 'always'?"),
        ("services.restart_policy", False, "must be no, always"),
        ("services.log_volume", "a/b", "2 to 128 letters"),
        ("services.command", [], "must not be an empty list"),
        ("services.command", "python main.py", "must be a list, not text"),
        ("services.command", ["a", ""], "services.command[1]: must not be empty"),
        ("services.command", ["{pyhton}"], "has the placeholder {pyhton}"),
        ("services.env", ["A=b"], "must be a mapping of names to values, not a list"),
        ("services.env", {"1A": "b"}, "is no name for a variable"),
        ("services.env", {"A": ["b"]}, "services.env.A: must be text, not a list"),
        ("services.env", {"A": "b\0"}, "NUL"),
        ("services.env", {"MODE": "canary"}, "is set by SwiftDeploy itself, from services.mode"),
        ("services.metrics", "http", "must be a mapping of keys to values"),
        ("services.metrics", {"requests": "calls{path}"}, "must be the name of a metric such as shop_calls_total"),
        ("services.metrics", {"requests": "calls{path}"}, "labels have keys of their own"),
        ("services.metrics", {"status_label": "a-b"}, "must be the name of a label such as status_code"),
        ("services.metrics", {"status_lable": "a"}, "did you mean 'status_label'?"),
        ("services.health_path", "healthz", "must start with '/'"),
        ("services.health_path", "/a b", "visible ASCII"),
        ("services.start_timeout", "soon", "must be a time such as 30s"),
        ("services.start_timeout", 0, "from 1ms to 24h, not 0"),
        ("services.start_timeout", "25h", "from 1ms to 24h"),
        ("services.resources", {"memory": "256 MB"}, "an amount such as 256m"),
        ("services.resources", {"memory": "1m"}, "at least 6m"),
        ("services.resources", {"cpus": 0}, "above 0"),
        ("services.resources", 5, "must be a mapping of keys to values, not a number"),
        ("nginx.bind", "localhost", "must be an IP address"),
        ("nginx.bind", "fe80::1%eth0", "without a zone"),
        ("nginx.private_paths", ["/a", "/a"], "has /a twice"),
        ("nginx.private_paths", ["/"], "would hide the whole service"),
        ("nginx.private_paths", ["/%6detrics"], "must be a plain path"),
        ("network.name", "host", "a network that Docker itself has"),
        ("network.driver_type", "none", "bridge is the usual one"),
        ("opa.on_unavailable", "fail", "must be embedded, allow or deny, not 'fail'"),
        ("canary.weight", 101, "from 1 to 100, not 101"),
        ("canary.steps", [50, 10], "must ascend"),
        ("canary.steps", [0, 10], "canary.steps[0]: must be a whole number from 1 to 100"),
        ("canary.probe", False, "must be the word off"),
        ("canary.probe", {"rps": 0}, "canary.probe.rps: must be a number above 0"),
        ("canary.probe", {"requests": 10001}, "from 1 to 10000"),
        ("canary.probe", {"rate": 1}, "known here: path, paths, requests, rps"),
        ("canary.probe", {"path": "/a", "paths": ["/a"]}, "canary.probe: has both path and paths"),
        ("canary.probe", {"paths": []}, "canary.probe.paths: must list 1 to 20 paths, not 0"),
        ("canary.probe", {"paths": [f"/{one}" for one in range(21)]}, "must list 1 to 20 paths, not 21"),
        ("canary.probe", {"paths": ["/a", "/a"]}, "canary.probe.paths: has /a twice"),
        ("canary.probe", {"paths": ["/a", "b"]}, "canary.probe.paths[1]: must start with '/'"),
        ("canary.probe", {"paths": "/a"}, "must be a list, not text"),
        ("canary.probe", {"paths": ["/a", "/b"], "requests": 1}, "canary.probe: sends 1 requests to 2 paths"),
        (
            "services.metrics",
            {"status_label": "result", "path_label": "result"},
            "services.metrics: has result for the status and for the path",
        ),
        ("canary.exclude_paths", ["events"], "canary.exclude_paths[0]: must start with '/'"),
        ("canary.exclude_paths", ["/a*b"], "'*' only at its end"),
        ("canary.exclude_paths", ["/a?b=1"], "must be a plain path"),
        ("canary.exclude_paths", ["/a", "/a"], "has /a twice"),
        ("contact", "a\u202eb", "U+202E"),
        ("contact", "x" * 201, "at most 200"),
        ("engine", "swarm", "must be local or docker, not 'swarm'"),
        ("enigne", "local", "did you mean 'engine'?"),
        ("nginx.admin_port", 8080, "nginx.admin_port: is 8080, the same as nginx.port"),
        ("opa.port", 8080, "opa.port: is 8080, the same as nginx.port"),
        ("opa.port", 8081, "opa.port: is 8081, the same as nginx.admin_port (its default)"),
        ("nginx.port", 8181, "nginx.port: is 8181, the same as opa.port (its default)"),
        (
            "nginx.port",
            8180,
            "nginx.port: makes nginx.admin_port (its default) the same as opa.port (its default), 8181",
        ),
        ("nginx.port", 65535, "has no port above it"),
    ],
)
def test_a_wrong_value_is_refused_with_its_reason(key: str, value: object, reason: str) -> None:
    said = refused(with_(key, value))
    assert reason in said
    assert said.count("m.yaml") == 1


def test_the_probe_asks_for_its_paths_or_for_its_one_path() -> None:
    def asked(probe: object) -> tuple[str, ...]:
        found = parse(with_("canary.probe", probe)).canary.probe
        assert found is not None
        return found.asked_paths

    assert asked({"path": "/a"}) == ("/a",)
    assert asked({"paths": ["/b?x=1", "/"]}) == ("/b?x=1", "/")
    assert asked({"rps": 5}) == ("/",)


def test_excluded_paths_may_end_in_a_star() -> None:
    assert parse(SMALLEST).canary.exclude_paths == ()
    assert parse(with_("canary.exclude_paths", ["/a/*", "/b"])).canary.exclude_paths == ("/a/*", "/b")


def test_the_word_off_turns_the_probe_off() -> None:
    assert parse(SMALLEST + "canary: {probe: off}\n").canary.probe is None


@pytest.mark.parametrize("missing", ["services.image", "services.port", "nginx.port", "network.driver_type"])
def test_a_missing_key_points_at_its_section(missing: str) -> None:
    section, name = missing.split(".")
    lines = ARTICLE.splitlines(keepends=True)
    start = next(at for at, line in enumerate(lines) if line.startswith(f"{section}:"))
    gone = next(at for at, line in enumerate(lines) if at > start and line.strip().startswith(f"{name}:"))
    said = refused("".join(lines[:gone] + lines[gone + 1 :]))
    assert said.startswith(f"m.yaml:{start + 1}:1: {missing}: is missing")


def test_an_empty_text_says_what_it_must_be() -> None:
    assert refused("").startswith("m.yaml:1:1: must be a mapping of keys to values, not nothing")
    assert refused("# nothing\n").count("m.yaml") == 1


def test_an_empty_value_is_refused_once_at_its_key() -> None:
    said = refused(SMALLEST + "canary:\ncontact: ~\n")
    assert "m.yaml:4:1: canary: is empty" in said
    assert "m.yaml:5:1: contact: is empty" in said
    assert said.count("m.yaml") == 2


def test_everything_wrong_is_told_at_once_in_the_order_of_the_text() -> None:
    text = """\
services:
  imge: app
  port: "3000"
  port: 3000
  version: 1.10
  env: {APP_PORT: 1, TOKEN: hush}
nginx: {image: nginx, port: 8080, private_paths: [metrics]}
opa: {port: 8080}
canary: &c {weight: 0}
contcat: x
"""
    said = [line.split(": ", 2)[:2] for line in refused(text).splitlines() if line.startswith("m.yaml")]
    assert said == [
        ["m.yaml:1:1", "services.image"],
        ["m.yaml:1:1", "network"],
        ["m.yaml:2:3", "services.imge"],
        ["m.yaml:3:9", "services.port"],
        ["m.yaml:4:3", "services.port"],
        ["m.yaml:5:12", "services.version"],
        ["m.yaml:6:9", "services.env.APP_PORT"],
        ["m.yaml:7:51", "nginx.private_paths[0]"],
        ["m.yaml:8:13", "opa.port"],
        ["m.yaml:9:9", "canary"],
        ["m.yaml:9:21", "canary.weight"],
        ["m.yaml:10:1", "contcat"],
    ]


def test_a_number_as_version_is_shown_with_line_caret_and_hint() -> None:
    assert refused(ARTICLE.replace('"1.0.0"', "1.10")) == (
        "m.yaml:5:12: services.version: must be text, not a number\n"
        "      version: 1.10\n"
        "               ^\n"
        '    hint: YAML read 1.10 as a number; write "1.10"'
    )


def test_a_syntax_error_is_told_alone() -> None:
    assert refused("services: {image: app\nnginx: 5\n").count("m.yaml") == 1


def test_numbers_and_booleans_of_env_become_the_text_that_was_written() -> None:
    text = SMALLEST.replace("port: 3000", "port: 3000, env: {A: 1.10, B: 0x10, C: True, D: off, E: '', F: 1e3}")
    written = {name: value.get_secret_value() for name, value in parse(text).services.env.items()}
    assert written == {"A": "1.10", "B": "0x10", "C": "true", "D": "off", "E": "", "F": "1e3"}


def test_values_of_env_are_never_shown() -> None:
    text = SMALLEST.replace("port: 3000", "port: x, env: {TOKEN: hush-hush, 'bad name': hush-hush}")
    assert "hush" not in refused(text)
    good = parse(SMALLEST.replace("port: 3000", "port: 3000, env: {TOKEN: hush-hush}"))
    assert "hush" not in f"{good!r} {good}"


def test_the_digest_is_that_of_the_text() -> None:
    assert digest.of("a") == "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    assert digest.of("a") != digest.of("a\n")


def outcome(text: str) -> Manifest | BadFile:
    try:
        return parse(text)
    except BadFile as wrong:
        return wrong


BITS = st.text(max_size=4) | st.sampled_from(["\n", ": ", "- ", "{", "'", "~", "&a "])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(ARTICLE)), st.integers(0, 12), BITS), min_size=1, max_size=4))
def test_a_damaged_manifest_is_read_or_refused_never_more(damages: list[tuple[int, int, str]]) -> None:
    text = ARTICLE
    for at, cut, instead in damages:
        text = text[:at] + instead + text[at + cut :]
    found = outcome(text)
    assert isinstance(found, Manifest) or (found.findings and str(found))


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just("off"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc") | st.just("path"), inner),
    max_leaves=6,
)
KEYS = [
    "services",
    "services.image",
    "services.port",
    "services.env",
    "services.env.A",
    "services.command",
    "services.resources",
    "services.start_timeout",
    "nginx",
    "nginx.port",
    "nginx.admin_port",
    "nginx.private_paths",
    "nginx.bind",
    "opa",
    "opa.port",
    "network",
    "canary",
    "canary.steps",
    "canary.probe",
    "canary.window",
    "contact",
    "engine",
    "more",
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KEYS), ANY)
def test_any_value_at_any_key_is_accepted_or_refused_never_more(key: str, value: object) -> None:
    found = outcome(with_(key, value))
    assert isinstance(found, Manifest) or (found.findings and str(found))


PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)
ENV = st.dictionaries(
    st.sampled_from(["A", "_b", "XMODE"]), st.text(max_size=9).filter(lambda one: "\0" not in one), max_size=2
)
VALID_SERVICES = st.fixed_dictionaries(
    {"image": st.sampled_from(["a", "a/b:1.2", "r.io:5/x-y__z@sha256:" + "0" * 64]), "port": st.integers(1, 65535)},
    optional={
        "mode": st.sampled_from(["stable", "canary"]),
        "version": PRINTABLE,
        "command": st.lists(PRINTABLE.filter(lambda one: "{" not in one), min_size=1, max_size=3),
        "env": ENV,
    },
)
VALID_CANARY = st.fixed_dictionaries(
    {},
    optional={
        "weight": st.integers(1, 100),
        "probe": st.just("off"),
        "steps": st.sets(st.integers(1, 100), min_size=1, max_size=5).map(sorted),
    },
)
VALID = st.fixed_dictionaries(
    {
        "services": VALID_SERVICES,
        "nginx": st.fixed_dictionaries({"image": st.just("nginx:1.28"), "port": st.integers(1, 8000)}),
        "network": st.just({"name": "net", "driver_type": "bridge"}),
    },
    optional={"contact": PRINTABLE, "engine": st.sampled_from(["local", "docker"]), "canary": VALID_CANARY},
)


@settings(max_examples=100, deadline=None)
@given(VALID)
def test_a_valid_manifest_says_what_was_written(data: dict[str, dict[str, object]]) -> None:
    manifest = parse(as_json(data))  # type: ignore[arg-type]
    services = data["services"]
    assert (manifest.services.image, manifest.services.port) == (services["image"], services["port"])
    assert manifest.services.mode == services.get("mode", "stable")
    assert manifest.services.version == services.get("version", "1.0.0")
    assert manifest.services.command == (tuple(services["command"]) if "command" in services else None)  # type: ignore[arg-type]
    assert {name: one.get_secret_value() for name, one in manifest.services.env.items()} == services.get("env", {})
    assert manifest.nginx.admin_port == data["nginx"]["port"] + 1  # type: ignore[operator]
    assert manifest.contact == data.get("contact", "ops@swiftdeploy.local")
    assert manifest.canary.steps == tuple(data.get("canary", {}).get("steps", (10, 50, 100)))  # type: ignore[arg-type]
    assert parse(as_json(data)) == manifest  # type: ignore[arg-type]
