"""The docker engine's pure parts: what is given to Compose, what is read from labels, what is said of nginx."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from swiftdeploy.edge import inside
from swiftdeploy.engines.docker import composefile, drain, instances, marks, nginx, proxy, workers
from swiftdeploy.engines.docker.containers import Container, Ended
from swiftdeploy.model import asking, manifest
from swiftdeploy.model.errors import EnvironmentMissing, Unreadable
from swiftdeploy.model.state import Instance, Settings

TEXT = """
name: shop
services:
  app:
    image: shop:1
    build: .
    profiles: [canary]
    depends_on: [db]
    environment: [A=1, B=$$x, PASSED_ON]
    labels: [one=1, "two=2=2"]
    networks: [front, back]
    volumes: [logs:/logs, ./data:/data, {type: bind, source: ./files, target: /files}, {type: volume, source: more}]
    secrets: [key]
    x-mine: kept
  db: {image: db:1}
networks: {front: {name: shop-net, labels: [mine=1]}, back: {driver: bridge}, other: {}}
volumes: {logs: , more: {name: shop-more}, other: {}}
secrets: {key: {file: ./key}}
"""


def made(text: str = TEXT, root: str = "/shop", **changes: Any) -> Any:
    return yaml.safe_load(composefile.of([composefile.Start(text, "app", changes)], {"root": root}, root))


def test_only_the_service_and_what_it_uses_is_given_to_compose() -> None:
    whole = made()
    assert whole["name"] == "shop"
    assert list(whole["services"]) == ["app"]
    assert set(whole["networks"]) == {"front", "back"}
    assert set(whole["volumes"]) == {"logs", "more"}
    assert whole["secrets"] == {"key": {"file": "./key"}}


def test_what_would_start_or_build_others_is_left_out_and_foreign_keys_stay() -> None:
    app = made()["services"]["app"]
    assert not {"build", "profiles", "depends_on"} & set(app)
    assert (app["x-mine"], app["image"], app["secrets"]) == ("kept", "shop:1", ["key"])


def test_the_mark_is_on_everything_beside_what_was_there() -> None:
    whole = made(labels={"instance": "stable-1"})
    assert whole["services"]["app"]["labels"] == {"one": "1", "two": "2=2", "root": "/shop", "instance": "stable-1"}
    assert whole["networks"]["front"] == {"name": "shop-net", "labels": {"mine": "1", "root": "/shop"}}
    assert whole["volumes"]["logs"] == {"labels": {"root": "/shop"}}
    assert whole["volumes"]["more"] == {"name": "shop-more", "labels": {"root": "/shop"}}


def test_environment_in_a_list_is_merged_and_what_is_passed_on_stays_so() -> None:
    app = made(environment={"A": "2", "ID": "x"})["services"]["app"]
    assert app["environment"] == {"A": "2", "B": "$$x", "PASSED_ON": None, "ID": "x"}


def test_an_alias_in_one_network_takes_no_other_network_away() -> None:
    app = made(networks={"front": {"aliases": ["stable-1"]}})["services"]["app"]
    assert app["networks"] == {"front": {"aliases": ["stable-1"]}, "back": None}
    assert composefile.network_of(TEXT, "app") == "front"


def test_dollars_are_doubled_in_what_is_added_and_only_there() -> None:
    whole = made(root="/$HOME/a", command=["sh", "-c", "echo $X ${Y}"], environment={"P": "$1"})
    app = whole["services"]["app"]
    assert app["command"] == ["sh", "-c", "echo $$X $${Y}"]
    assert app["environment"] == {"A": "1", "B": "$$x", "PASSED_ON": None, "P": "$$1"}
    assert app["labels"]["root"] == "/$$HOME/a"
    assert app["volumes"][2]["source"] == "/$$HOME/a/files"


@settings(deadline=None, max_examples=50)
@given(st.text(), st.text())
@example("\U0001f600 \x7f \x85 \u2028 \\ud83d \x00", "/")
def test_a_value_comes_out_of_interpolation_as_it_was(value: str, root: str) -> None:
    app = made(root=root, environment={"V": value})["services"]["app"]
    assert app["environment"]["V"].replace("$$", "$") == value
    assert app["labels"]["root"].replace("$$", "$") == root


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: {app: [", "renders no YAML"),
        ("services: {db: {}}\nname: x", "has no service app"),
        ("services: {app: {networks: [app]}}", "has no name"),
        ("name: x\nservices: {app: {networks: [gone]}}", "has no network gone"),
        ("- a", "has no service app"),
    ],
)
def test_a_template_that_gives_no_compose_file_is_named(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said) as caught:
        made(text)
    assert "docker-compose.yml.tmpl" in str(caught.value)


def test_a_service_without_networks_is_in_the_default_one() -> None:
    assert composefile.network_of("name: x\nservices: {app: {}}", "app") == "default"
    assert made("name: x\nservices: {app: {}}", networks={"default": {"aliases": ["a"]}})["networks"] == {
        "default": {"labels": {"root": "/shop"}}
    }


def test_an_owner_is_read_as_it_was_written() -> None:
    one = marks.Owner(41, 1700000000.13, "b-1", "here/pid:[1]")
    assert marks.parsed(str(one)) == one
    assert str(marks.owner((7, 1.5))).startswith("7 1.5 ")


@pytest.mark.parametrize("text", ["", "1 2 b", "a b c d", "1 2 b here more", "1  2 b"])
def test_another_label_is_no_owner(text: str) -> None:
    assert marks.parsed(text) is None


def test_an_instance_has_its_own_name_in_what_is_filled_in() -> None:
    asked = manifest.parse(
        "{services: {image: a, port: 1, env: {NAME: 'x-{instance}', PORT: '{port}', FOLDER: '{state}'}}, "
        "nginx: {image: n, port: 80}, network: {name: net, driver_type: bridge}}"
    )
    one = Instance("canary-3", "canary", asking.release(asked, "sha256:ab"))
    assert instances.environment(one, asked) == {"APP_INSTANCE": "canary-3", "NAME": "x-canary-3"}


SETTINGS = asking.settings(
    manifest.parse(
        "{services: {image: a, port: 1}, nginx: {image: n, port: 80}, network: {name: net, driver_type: bridge}}"
    ),
    "docker",
)
# what a reload, or nobody, brings to a running proxy; everything else is of the container
RELOADED = {"proxy_timeout_seconds", "private_paths", "contact", "opa_image", "opa_port"}


@pytest.mark.parametrize("name", [one.name for one in fields(Settings)])
def test_a_proxy_is_replaced_only_for_what_it_cannot_change_while_it_runs(name: str) -> None:
    value = getattr(SETTINGS, name)
    changed: Any = f"{value}x" if isinstance(value, str) else (*value, "/x") if isinstance(value, tuple) else value + 1
    other = replace(SETTINGS, **{name: changed})
    assert (proxy.published(other) == proxy.published(SETTINGS)) == (name in RELOADED)


@pytest.mark.parametrize(
    ("said", "old", "kind", "words"),
    [
        (
            'nginx: [emerg] unknown directive "x" in a:1',
            None,
            Unreadable,
            "nginx refuses its configuration, so: nginx:",
        ),
        ('nginx: [emerg] unknown directive "x" in a:1', "n is too old", EnvironmentMissing, "n is too old"),
        ("nginx: [emerg] host not found in upstream", "n is too old", Unreadable, "host not found"),
        ("Error: No such container: x", None, EnvironmentMissing, "the proxy does not run, so: Error"),
        ("", None, EnvironmentMissing, "the proxy does not run"),
    ],
)
def test_a_refusal_is_blamed_on_the_template_the_image_or_the_container(
    said: str, old: str | None, kind: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nginx, "too_old", lambda image: old)
    found = nginx.refused(said, "n:1", ", so")
    assert type(found) is kind
    assert words in str(found)


def container(name: str, state: str = "running", drain_seconds: float = 30.0) -> Container:
    return Container(f"id-{name}", state, "", name, "", name, "", "app", "", "", drain_seconds, "/shop", "/shop")


class Looks:
    """A drain over containers and workers as a test has them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.asked = 0
        self.found: tuple[Container, ...] = ()
        self.seen: workers.Workers | None = workers.Workers(frozenset({1}), frozenset())
        monkeypatch.setattr(drain.workers, "seen", lambda _: self.seen)
        monkeypatch.setattr(drain.time, "monotonic", lambda: self.now)
        self.drain = drain.Drain(self)  # type: ignore[arg-type]

    def all(self) -> tuple[Container, ...]:
        self.asked += 1
        return self.found

    def busy(self, after: float, *ids: str) -> str | None:
        self.now += after
        return self.drain.busy(ids)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    made = Looks(monkeypatch)
    made.found = (container("stable-1"), replace(container(""), role="proxy"))
    return made


def test_an_instance_is_busy_while_old_workers_finish(looks: Looks) -> None:
    looks.seen = workers.Workers(frozenset({1}), frozenset({2, 3}))
    assert looks.busy(0, "stable-1") == "stable-1 may serve clients of 2 old proxy workers"
    looks.seen = workers.Workers(frozenset({1}), frozenset())
    assert looks.busy(0.2, "stable-1") is None


def test_it_is_not_looked_more_often_than_docker_can_answer(looks: Looks) -> None:
    looks.seen = workers.Workers(frozenset({1}), frozenset({2}))
    for _ in range(5):
        assert looks.busy(0.01, "stable-1")
    assert looks.asked == 1


def test_a_drain_ends_with_the_releases_own_time(looks: Looks) -> None:
    looks.seen = workers.Workers(frozenset({1}), frozenset({2}))
    assert looks.busy(0, "stable-1")
    assert looks.busy(29.9, "stable-1")
    assert looks.busy(0.2, "stable-1") is None


def test_new_routes_begin_the_time_anew(looks: Looks) -> None:
    looks.seen = workers.Workers(frozenset({1}), frozenset({2}))
    assert looks.busy(0, "stable-1")
    looks.now += 29.0
    looks.drain.begin()
    assert looks.busy(2.0, "stable-1")


def test_where_workers_cannot_be_seen_the_longest_idle_time_is_waited(looks: Looks) -> None:
    looks.seen = None
    assert looks.busy(0, "stable-1")
    assert looks.busy(9.9, "stable-1")
    assert looks.busy(0.2, "stable-1") is None


@pytest.mark.parametrize(
    "found",
    [
        (),
        (container("stable-1", "exited"), replace(container(""), role="proxy")),
        (container("stable-1"),),
        (container("stable-1"), replace(container("", "exited"), role="proxy")),
        (container("other"), replace(container(""), role="proxy")),
    ],
    ids=["nothing", "a dead one", "no proxy", "a dead proxy", "another"],
)
def test_who_cannot_get_a_request_is_not_busy(looks: Looks, found: tuple[Container, ...]) -> None:
    looks.seen, looks.found = workers.Workers(frozenset({1}), frozenset({2})), found
    assert looks.busy(0, "stable-1") is None


def ended(state: str = "exited", status: int = 3, restarts: int = 0, memory: bool = False, error: str = "") -> Ended:
    return Ended(state, status, memory, restarts, error, 0)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "its container is gone"),
        (ended("running", 0), None),
        (ended("restarting", 3, 4), None),
        (ended(), "exited with status 3"),
        (ended(status=137, memory=True), "was killed for using too much memory"),
        (ended("created", 127, error="no such file"), "could not be started: no such file"),
        (ended("running", 3, 5), "it has ended 5 times already; the last time it exited with status 3"),
    ],
)
def test_how_an_instance_ended_is_said_in_words(
    found: Ended | None, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances.containers, "inspected", lambda _: found)
    assert instances.ended(container("stable-1", "restarting")) == said


def test_one_that_runs_is_not_asked_how_it_ended() -> None:
    assert instances.ended(container("stable-1")) is None
    assert instances.ended(None) == "its container is gone"


@pytest.mark.parametrize(
    ("row", "address"),
    [
        ("0: 00000000:0BB8 00000000:0000 0A x", "0.0.0.0:3000"),
        ("0: 0100007F:1F90 00000000:0000 0A x", "127.0.0.1:8080"),
        ("0: 00000000000000000000000000000000:0BB8 0:0 0A x", "[::]:3000"),
        ("0: 00000000000000000000000001000000:0050 0:0 0A x", "[::1]:80"),
        ("0: 0100007F:1F90 0100007F:C350 01 x", None),
        ("sl  local_address rem_address   st tx_queue", None),
        ("", None),
    ],
)
def test_the_kernels_rows_of_listeners_are_read(row: str, address: str | None) -> None:
    assert inside._address(row.split()) == address


def test_workers_are_told_by_their_titles(monkeypatch: pytest.MonkeyPatch) -> None:
    out = (
        "PID COMMAND\n10 /sbin/docker-init -- nginx\n11 nginx: master process nginx -e stderr\n"
        "12 nginx: worker process\n13 nginx: worker process is shutting down\nx nginx: worker process\n"
    )
    monkeypatch.setattr(workers.cli, "ask", lambda *words: workers.cli.Answer(0, out, ""))
    assert workers.seen("x") == workers.Workers(frozenset({12}), frozenset({13}))


@pytest.mark.parametrize(("said", "found"), [("nginx version: nginx/1.28.0", (1, 28, 0)), ("openresty", None)])
def test_an_nginx_image_is_asked_for_its_version(
    said: str, found: tuple[int, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nginx.cli, "ask", lambda *words: nginx.cli.Answer(0, "", said))
    assert nginx.version("x") == found
    assert nginx.too_old("x") is None
