"""The manifest: what a user's `manifest.yaml` may say, and the one way from its text to a typed value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from swiftdeploy.model import kinds
from swiftdeploy.model.decision import FOLDER, PACKAGES, Gate
from swiftdeploy.model.errors import BadFile, Finding
from swiftdeploy.model.manifestcheck import findings, prepared
from swiftdeploy.model.scalars import Wrong
from swiftdeploy.model.yamldocument import Document
from swiftdeploy.model.yamltree import load

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Resources(BaseModel):
    """What one instance may use at most."""

    model_config = _STRICT

    memory: kinds.Memory | None = Field(default=None, description="Memory limit of one instance.", examples=["256m"])
    cpus: kinds.Cpus | None = Field(default=None, description="How many CPUs one instance may use.", examples=[0.5])


class Metrics(BaseModel):
    """What the app calls its own request metrics, where they are not recognised by themselves."""

    model_config = _STRICT

    requests: kinds.SeriesName | None = Field(
        default=None, description="Counter of requests, with a status label.", examples=["shop_calls_total"]
    )
    duration: kinds.SeriesName | None = Field(
        default=None,
        description="Histogram of durations, in seconds, or in milliseconds where its name says so.",
        examples=["shop_call_seconds"],
    )
    status_label: kinds.LabelName | None = Field(
        default=None, description="Label with the status, such as 200 or 2xx.", examples=["result"]
    )
    path_label: kinds.LabelName | None = Field(
        default=None, description="Label with the path or route.", examples=["operation"]
    )

    @model_validator(mode="after")
    def _names_two_labels(self) -> Self:
        if self.path_label and self.path_label == self.status_label:
            raise Wrong(f"has {self.path_label} for the status and for the path", "a request has one label for each")
        return self


class Services(BaseModel):
    """The app: what runs, and how it is asked whether it is well."""

    model_config = _STRICT

    image: kinds.Image = Field(description="Image of the app.", examples=["registry.example/team/app:1.4.2"])
    port: kinds.Port = Field(description="Port the app listens on inside; it is never published.", examples=[3000])
    mode: kinds.TrackName = Field(
        default="stable",
        description="Track that a first deploy starts on; promote and rollback change it in place.",
        examples=["canary"],
    )
    version: kinds.VersionText = Field(
        default="1.0.0", description="Version of the app, in quotes.", examples=["2.0.0"]
    )
    restart_policy: kinds.RestartPolicy = Field(
        default="unless-stopped",
        description="When a dead instance is started again, as in Compose.",
        examples=["always"],
    )
    log_volume: kinds.Name = Field(
        default="swiftdeploy-logs",
        description="Named volume for the logs of proxy and app.",
        examples=["shop-logs"],
    )
    build: Annotated[kinds.Text | None, kinds.Default("none")] = Field(
        default=None, description="Build context of the image; when given, deploy builds it.", examples=["."]
    )
    command: Annotated[
        tuple[kinds.Argument, ...] | None, AfterValidator(kinds.filled), kinds.AsList, kinds.Default("none")
    ] = Field(
        default=None,
        description="Command that starts the app on the local engine; {port}, {python}, {instance} and {state} in it "
        "are filled in.",
        examples=[["{python}", "app/main.py"]],
    )
    env: Annotated[Mapping[kinds.EnvName, kinds.EnvValue], kinds.AsMapping] = Field(
        default={},
        description="Extra environment of the app, beside MODE, APP_VERSION, APP_PORT, APP_HOST and PORT; {port}, "
        "{instance} and {state} in it are filled in.",
        examples=[{"GREETING": "hello"}],
    )
    health_path: kinds.RequestPath = Field(
        default="/healthz", description="Path that answers 2xx when the app is well.", examples=["/health"]
    )
    metrics_path: kinds.RequestPath = Field(
        default="/metrics", description="Path of the app's Prometheus metrics.", examples=["/internal/metrics"]
    )
    metrics: Metrics | None = Field(
        default=None,
        description="Names of the app's own request metrics, where they are not recognised.",
        examples=[{"requests": "shop_calls_total", "status_label": "result"}],
    )
    start_timeout_seconds: kinds.Seconds = Field(
        default=60.0,
        alias="start_timeout",
        description="How long an instance may take to become ready.",
        examples=["90s"],
    )
    drain_timeout_seconds: Annotated[kinds.Seconds, kinds.Default("nginx.proxy_timeout")] = Field(
        default=0.0,
        alias="drain_timeout",
        description="How long requests in flight may take before an old instance is stopped.",
        examples=["10s"],
    )
    resources: Resources = Field(
        default=Resources(), description="Limits of one instance.", examples=[{"memory": "256m", "cpus": 0.5}]
    )


class Nginx(BaseModel):
    """The proxy: the one part of the stack that the world can reach."""

    model_config = _STRICT

    image: kinds.Image = Field(description="Image of the proxy, 1.28 or newer.", examples=["nginx:1.28.0-alpine"])
    port: kinds.Port = Field(description="Public port.", examples=[8080])
    proxy_timeout_seconds: kinds.Seconds = Field(
        default=30.0, alias="proxy_timeout", description="Connect, send and read time-out to the app.", examples=["5s"]
    )
    bind: Annotated[kinds.IpAddress | None, kinds.Default("0.0.0.0; on the local engine 127.0.0.1")] = Field(
        default=None, description="Address of the public port.", examples=["127.0.0.1"]
    )
    admin_port: Annotated[kinds.Port, kinds.Default("nginx.port + 1")] = Field(
        default=0,
        description="Port of the admin listener, on loopback only: single instances, tracks and the generation.",
        examples=[9000],
    )
    private_paths: Annotated[tuple[kinds.PrivatePath, ...], AfterValidator(kinds.all_different), kinds.AsList] = Field(
        default=(),
        description="Paths that answer 404 in public and stay on the admin listener.",
        examples=[["/metrics", "/chaos"]],
    )


class Opa(BaseModel):
    """The judge: an OPA server, published on 127.0.0.1 only."""

    model_config = _STRICT

    image: kinds.Image = Field(
        default="openpolicyagent/opa:latest-static",
        description="Image of the OPA server.",
        examples=["openpolicyagent/opa:1.22.2-static"],
    )
    port: kinds.Port = Field(default=8181, description="Port of OPA, on 127.0.0.1 only.", examples=[8281])
    on_unavailable: kinds.OnUnavailable = Field(
        default="embedded",
        description="What an OPA that refuses or times out means: the embedded judge decides (embedded), "
        "go on with a warning (allow), or refuse (deny).",
        examples=["deny"],
    )


class Policy(BaseModel):
    """Where the policies are, and which package judges which gate."""

    model_config = _STRICT

    path: kinds.Folder = Field(
        default=FOLDER, description="Folder of the policies, inside the project.", examples=["deploy/policy"]
    )
    infrastructure: kinds.Package = Field(
        default=PACKAGES["infrastructure"],
        description="Rego package that judges the host before a deploy.",
        examples=["host"],
    )
    canary: kinds.Package = Field(
        default=PACKAGES["canary"],
        description="Rego package that judges a release before it gets (more) traffic.",
        examples=["main"],
    )

    @property
    def packages(self) -> Mapping[Gate, str]:
        """The package of each gate."""
        return {"infrastructure": self.infrastructure, "canary": self.canary}


class Network(BaseModel):
    """The network that proxy and app share."""

    model_config = _STRICT

    name: kinds.NetworkName = Field(description="Name of the network.", examples=["swiftdeploy-net"])
    driver_type: kinds.NetworkDriver = Field(description="Driver of the network.", examples=["bridge"])


class Probe(BaseModel):
    """The traffic that a gate itself sends to the instances it judges."""

    model_config = _STRICT

    path: kinds.RequestPath = Field(default="/", description="Path that the probe asks for.", examples=["/search"])
    paths: Annotated[
        tuple[kinds.RequestPath, ...] | None,
        AfterValidator(kinds.all_different),
        AfterValidator(kinds.one_to_twenty),
        kinds.AsList,
        kinds.Default("none"),
    ] = Field(
        default=None,
        description="Up to 20 paths in place of path: the requests are spread over them, and each is judged by itself.",
        examples=[["/", "/api/items"]],
    )
    requests: kinds.Requests = Field(default=300, description="How many requests the probe sends.", examples=[500])
    rps: kinds.RequestRate = Field(
        default=150.0,
        description="Requests per second of the probe at most; it backs off where the app cannot take them.",
        examples=[50],
    )

    @model_validator(mode="after")
    def _asks_each_path(self) -> Self:
        if {"path", "paths"} <= self.model_fields_set:
            raise Wrong("has both path and paths", "list all paths under paths, and remove path")
        if self.requests < len(self.asked_paths):
            raise Wrong(f"sends {self.requests} requests to {len(self.asked_paths)} paths", "raise requests")
        return self

    @property
    def asked_paths(self) -> tuple[str, ...]:
        """The paths that the probe asks for, at least one."""
        return self.paths or (self.path,)


class Canary(BaseModel):
    """How a canary is given traffic and judged."""

    model_config = _STRICT

    weight: kinds.Percent = Field(
        default=100, description="Percent of requests for the canary track, split per request.", examples=[25]
    )
    window_seconds: kinds.Seconds = Field(
        default=30.0,
        alias="window",
        description="Longest measuring time of a gate; it ends as soon as there is enough evidence, "
        "of users too while a canary serves.",
        examples=["10s"],
    )
    steps: Annotated[
        tuple[kinds.Percent, ...], AfterValidator(kinds.ascending), AfterValidator(kinds.filled), kinds.AsList
    ] = Field(
        default=(10, 50, 100), description="Weights that rollout walks through, in percent.", examples=[[5, 25, 100]]
    )
    interval_seconds: kinds.Seconds = Field(
        default=30.0, alias="interval", description="How long rollout waits at each step.", examples=["2m"]
    )
    probe: Annotated[Probe | None, BeforeValidator(kinds.probe_or_off), kinds.OffInSchema()] = Field(
        default=Probe(),
        description="Traffic that a gate sends to the instances it judges; the word off turns it off.",
        examples=["off"],
    )
    exclude_paths: Annotated[tuple[kinds.ExcludedPath, ...], AfterValidator(kinds.all_different), kinds.AsList] = Field(
        default=(),
        description="Paths, or beginnings of paths that end in *, whose latency does not count for p99; errors do.",
        examples=[["/reports/*", "/export"]],
    )


class Manifest(BaseModel):
    """One project: the app, its proxy, its judge and its network."""

    model_config = _STRICT

    services: Services = Field(description="The app.")
    nginx: Nginx = Field(description="The proxy, the only part that is published.")
    opa: Opa = Field(default=Opa(), description="The judge, an OPA server.")
    policy: Policy = Field(default=Policy(), description="Where the policies are, and which packages judge.")
    network: Network = Field(description="The network that proxy and app share.")
    canary: Canary = Field(default=Canary(), description="How a canary is given traffic and judged.")
    contact: kinds.Contact = Field(
        default="ops@swiftdeploy.local",
        description="Contact in the proxy's JSON error bodies.",
        examples=["o'brien@x.io"],
    )
    engine: Annotated[
        kinds.Engine | None, kinds.Default("docker where a daemon answers, else local where services.command is given")
    ] = Field(
        default=None,
        description="How the stack runs; --engine and SWIFTDEPLOY_ENGINE win.",
        examples=["local"],
    )


def parse(text: str, file: str = "manifest.yaml") -> Manifest:
    """The manifest that a text says, defaults filled in. Raises BadFile with everything that is wrong with it."""
    document = load(text, file, secrets=(("services", "env"),))
    manifest, wrong = _checked(document)
    if manifest is None or wrong:
        raise BadFile(wrong, f"correct {file}; `swiftdeploy explain KEY` says what a key may be")
    return manifest


def _checked(document: Document) -> tuple[Manifest | None, tuple[Finding, ...]]:
    if not document.whole:
        return None, document.findings
    try:
        manifest = _filled(Manifest.model_validate(prepared(document)))
        errors: list[ErrorDetails] = []
    except ValidationError as problem:
        manifest, errors = None, list(problem.errors(include_url=False, include_input=False))
    return manifest, findings(document, errors, Manifest)


def _filled(manifest: Manifest) -> Manifest:
    """The defaults that follow from another key."""
    services, nginx = manifest.services, manifest.nginx
    if "drain_timeout_seconds" not in services.model_fields_set:
        services = services.model_copy(update={"drain_timeout_seconds": nginx.proxy_timeout_seconds})
    if "admin_port" not in nginx.model_fields_set:
        nginx = nginx.model_copy(update={"admin_port": nginx.port + 1})
    return manifest.model_copy(update={"services": services, "nginx": nginx})
