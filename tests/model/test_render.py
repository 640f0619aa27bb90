"""Rendered files: the same manifest gives the same bytes, and nothing in it gets out of its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.edge.bundled import folder
from swiftdeploy.model import manifest, render
from swiftdeploy.model import routes as routing
from swiftdeploy.model.errors import BadFile

TEMPLATES = {path.name: path.read_text() for path in folder("templates").glob("*.tmpl")}
ARTICLE = """\
services:
  image: swift-deploy-1-node:latest
  port: 3000
  mode: stable
  version: "1.0.0"
  restart_policy: unless-stopped
  log_volume: swiftdeploy-logs
nginx: {image: "nginx:latest", port: 8080, proxy_timeout: 30}
opa: {image: "openpolicyagent/opa:latest-static", port: 8181}
network: {name: swiftdeploy-net, driver_type: bridge}
contact: "ops@swiftdeploy.local"
"""


def compose(text: str = ARTICLE, **parts: Any) -> dict[str, Any]:
    asked = manifest.parse(text).model_copy(update=parts)
    value = yaml.safe_load(render.project(asked, TEMPLATES)["docker-compose.yml"])
    assert isinstance(value, dict)
    return value


def with_services(**values: Any) -> dict[str, Any]:
    return compose(services=manifest.parse(ARTICLE).services.model_copy(update=values))


class Secret:
    def __init__(self, text: str) -> None:
        self.text = text

    def get_secret_value(self) -> str:
        return self.text


def test_the_same_manifest_gives_the_same_bytes() -> None:
    again = manifest.parse(ARTICLE)
    assert render.project(manifest.parse(ARTICLE), TEMPLATES) == render.project(again, TEMPLATES)


def test_the_order_of_env_in_the_manifest_does_not_count() -> None:
    one = ARTICLE.replace("  port: 3000", "  port: 3000\n  env: {A: x, B: y}")
    other = ARTICLE.replace("  port: 3000", "  port: 3000\n  env: {B: y, A: x}")
    assert render.project(manifest.parse(one), TEMPLATES) == render.project(manifest.parse(other), TEMPLATES)


def test_port_name_and_folder_of_an_instance_are_filled_in() -> None:
    env = {"URL": Secret("{instance}:{port}"), "FOLDER": Secret("{state}/x"), "OTHERS": Secret("{{port}} ${port}")}
    app = with_services(env=env)["services"]["app"]
    found = app["environment"]
    assert (found["URL"], found["FOLDER"]) == ("app:3000", "/run/swiftdeploy/x")
    assert found["OTHERS"] == "{{port}} $${port}"
    assert (found["PORT"], found["APP_PORT"]) == ("3000", "3000")
    assert app["tmpfs"] == ["/tmp:mode=1777,size=64m", "/run/swiftdeploy:mode=1777,size=64m"]


def test_a_manifest_that_names_no_folder_has_only_the_temporary_one() -> None:
    app = with_services(env={"PORT": Secret("80")})["services"]["app"]
    assert app["tmpfs"] == ["/tmp:mode=1777,size=64m"]
    assert app["environment"]["PORT"] == "80"


def test_only_the_proxy_is_published_to_the_world_and_the_app_never() -> None:
    services = compose()["services"]
    assert services["nginx"]["ports"] == ["0.0.0.0:8080:8080", "127.0.0.1:8081:8081"]
    assert services["opa"]["ports"] == ["127.0.0.1:8181:8181"]
    for name in ("app", "canary"):
        assert "ports" not in services[name]
        assert services[name]["expose"] == ["3000"]


def test_the_judge_is_on_a_network_of_its_own() -> None:
    whole = compose()
    assert whole["services"]["opa"]["networks"] == ["opa"]
    assert {tuple(whole["services"][name]["networks"]) for name in ("app", "canary", "nginx")} == {("app",)}
    assert whole["networks"]["app"] == {"name": "swiftdeploy-net", "driver": "bridge"}
    assert whole["networks"]["opa"]["name"] == "swiftdeploy-net-opa"


@pytest.mark.parametrize("name", ["app", "canary", "nginx", "opa"])
def test_every_service_is_hardened(name: str) -> None:
    one = compose()["services"][name]
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["read_only"] is True
    assert one["init"] is True
    assert one["user"] == "10001:10001"
    assert one["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert one["pids_limit"]
    assert one["mem_limit"]
    assert one["cpus"]
    assert "container_name" not in one


def test_app_and_canary_differ_in_mode_only() -> None:
    services = compose()["services"]
    assert services["app"]["environment"]["MODE"] == "stable"
    assert services["canary"]["environment"]["MODE"] == "canary"
    assert services["canary"]["profiles"] == ["canary"]
    rest = [
        {key: value for key, value in services[name].items() if key not in ("environment", "profiles", "labels")}
        for name in ("app", "canary")
    ]
    assert rest[0] == rest[1]


def test_in_mode_canary_a_plain_compose_up_starts_both_tracks() -> None:
    asked = manifest.parse(ARTICLE.replace("mode: stable", "mode: canary"))
    services = yaml.safe_load(render.project(asked, TEMPLATES)["docker-compose.yml"])["services"]
    assert "profiles" not in services["canary"]
    assert set(services["nginx"]["depends_on"]) == {"app", "canary"}
    routes = render.mounted(asked, TEMPLATES)[".swiftdeploy/routing/routing.conf"]
    assert '"canary:3000"' in routes


def test_a_given_mode_stands_for_the_manifests() -> None:
    asked = manifest.parse(ARTICLE)
    in_canary = manifest.parse(ARTICLE.replace("mode: stable", "mode: canary"))
    assert render.project(asked, TEMPLATES, mode="canary") == render.project(in_canary, TEMPLATES)


def test_the_app_is_checked_at_its_own_port_and_path() -> None:
    check = with_services(port=4000, health_path="/up?a='b'")["services"]["app"]["healthcheck"]["test"]
    assert check[:3] == ["CMD", "sh", "-c"]
    assert [one.split()[0] for one in check[3].split(" || ")] == ["python3", "wget", "curl"]
    assert check[-1] == "http://127.0.0.1:4000/up?a='b'"


def test_times_and_limits_follow_the_manifest() -> None:
    app = with_services(drain_timeout_seconds=1.5, start_timeout_seconds=20.0)["services"]["app"]
    assert app["stop_grace_period"] == "1500ms"
    assert app["healthcheck"]["start_period"] == "20s"
    text = ARTICLE.replace("  port: 3000", "  port: 3000\n  build: ./src\n  resources: {memory: 64m, cpus: 0.5}")
    app = compose(text)["services"]["app"]
    assert (app["build"], app["mem_limit"], app["cpus"]) == ("./src", "64m", 0.5)


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,9}", fullmatch=True), st.text(), max_size=4), st.text())
@settings(max_examples=25, deadline=None)
def test_every_value_comes_out_of_the_compose_file_as_it_went_in(env: dict[str, str], version: str) -> None:
    own = {"MODE", "APP_VERSION", "APP_PORT", "APP_HOST", "APP_DRAIN_SECONDS"}
    env = {key: value for key, value in env.items() if key not in own}
    app = with_services(env={key: Secret(value) for key, value in env.items()}, version=version)["services"]["app"]
    read = {key: value.replace("$$", "$") for key, value in app["environment"].items()}
    ours = {"MODE": "stable", "APP_VERSION": version, "APP_PORT": "3000", "APP_HOST": "0.0.0.0"}
    assert read == {"PORT": "3000"} | env | ours | {"APP_DRAIN_SECONDS": "30"}
    assert not any("$" in value.replace("$$", "") for value in app["environment"].values())


@pytest.mark.parametrize(
    ("network", "name"), [("swiftdeploy-net", "swiftdeploy"), ("shop", "shop"), ("a_b-net", "a_b")]
)
def test_the_project_is_named_after_its_network(network: str, name: str) -> None:
    assert render.project_name(network) == name


def test_networks_that_compose_would_name_alike_stay_apart() -> None:
    names = {render.project_name(one) for one in ("shop.eu", "shop-eu", "Shop-eu", "shop_eu", "-net", "..")}
    assert len(names) == 6


def routes(stable: str | None, canary: str | None, weight: int) -> str:
    return routing.text(routing.Routes(stable, canary, weight, 7, {"stable-1": "a:1"}), "/run/h", TEMPLATES)


@pytest.mark.parametrize(
    ("stable", "canary", "weight", "split"),
    [
        ("a:1", None, 0, ['* "stable";']),
        ("a:1", None, 50, ['* "stable";']),
        (None, "b:2", 100, ['* "canary";']),
        (None, "b:2", 10, ['* "canary";']),
        ("a:1", "b:2", 0, ['* "stable";']),
        ("a:1", "b:2", 100, ['* "canary";']),
        ("a:1", "b:2", 1, ["1% canary;", '* "stable";']),
        (None, None, 0, ['* "";']),
    ],
)
def test_the_split_names_only_tracks_that_are_there(
    stable: str | None, canary: str | None, weight: int, split: list[str]
) -> None:
    block = routes(stable, canary, weight).split("split_clients $request_id $track {")[1].split("}")[0]
    assert [line.strip() for line in block.splitlines() if line.strip()] == split


def upstreams(routes: routing.Routes) -> dict[str, str]:
    """Names of upstreams to what stands in them."""
    text = routing.text(routes, "/run/h", TEMPLATES)
    return {block.split('"')[1]: block.split("}")[0] for block in text.split("\nupstream ")[1:]}


def test_what_is_coming_stands_everywhere_and_gets_nothing() -> None:
    blocks = upstreams(routing.Routes("a:1", None, 0, 7, {"stable-1": "a:1"}, coming=("a:1", "b:2"), names=True))
    tracks = {f"{track}{kind}" for track in ("stable", "canary") for kind in ("", "_direct", "_only")}
    assert {name for name, block in blocks.items() if '"b:2" max_fails=0 resolve down' in block} == tracks
    assert '"a:1" max_fails=0 resolve;' in blocks["stable"]
    assert '"a:1" max_fails=0 resolve down;' in blocks["canary"]
    assert all(f'zone "{name}" 64k;' in block for name, block in blocks.items())


def test_only_the_public_upstreams_lead_to_the_handoff() -> None:
    blocks = upstreams(routing.Routes("a:1", "b:2", 50, 7, {"stable-1": "a:1"}))
    assert {name for name, block in blocks.items() if "unix:/run/h" in block} == {"stable", "canary"}
    assert '"a:1" max_fails=0 backup' in blocks["canary"]
    assert '"a:1" max_fails=0 backup' in blocks["canary_direct"]


def broken(changed: Mapping[str, str]) -> str:
    with pytest.raises(BadFile) as caught:
        render.project(manifest.parse(ARTICLE), {**TEMPLATES, **changed})
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\nb\n{{ nonsense }}", "templates/nginx.conf.tmpl:3:1: 'nonsense' is undefined"),
        ("a\n{{ paths.nonsense }}", "templates/nginx.conf.tmpl:2:1: "),
        ("a\n{% for x in y %}", "templates/nginx.conf.tmpl:2:1: Unexpected end of template"),
        ("{% include 'other' %}", "templates/nginx.conf.tmpl:1:1: there is no template other"),
        ("\n\n\n{{ 1 / 0 }}", "templates/nginx.conf.tmpl:4:1: division by zero"),
        ("{{ none }}", "templates/nginx.conf.tmpl:1:1: a NoneType cannot stand in an nginx file"),
        ("{{ '$host' }}", "cannot stand in an nginx file: it holds '$'"),
        ("{% include 'nginx.conf.tmpl' %}", "maximum recursion depth exceeded"),
        ("\n{{ ''.__class__.__mro__ }}", "templates/nginx.conf.tmpl:2:1: access to attribute '__class__'"),
    ],
)
def test_a_broken_template_is_named_with_its_line(text: str, said: str) -> None:
    assert said in broken({"nginx.conf.tmpl": text})


def test_a_broken_template_that_another_one_includes_is_named_itself() -> None:
    said = broken({"nginx.conf.tmpl": "{% include 'part.tmpl' %}", "part.tmpl": "\n{{ nonsense }}"})
    assert said.startswith("templates/part.tmpl:2:1: 'nonsense' is undefined")


def test_a_projects_own_template_is_escaped_without_its_authors_care() -> None:
    article_style = """return 502 '{"error":"Bad Gateway","contact":{{ contact }}}';"""
    asked = manifest.parse(ARTICLE).model_copy(update={"contact": "'; } server { x"})
    text = render.project(asked, {**TEMPLATES, "nginx.conf.tmpl": article_style})["nginx.conf"]
    assert text.count("'") == 2
    assert text.count(";") == text.count("}") == text.count("{") == 1
