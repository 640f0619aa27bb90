"""Real apps with the libraries that others use, as a manifest names them, and one that runs."""

from __future__ import annotations

from dataclasses import dataclass

from project import Project

from swiftdeploy.flow import observe
from swiftdeploy.flow.world import World
from swiftdeploy.model.figures import Window
from swiftdeploy.model.scrape import Scrape
from swiftdeploy.model.state import Instance


@dataclass(frozen=True)
class App:
    """What a manifest says of an app, beside its port; `{apps}` is the folder that .ci/apps made. `needs` is in there,
    `files` are copied into the project."""

    needs: str
    files: tuple[str, ...]
    command: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()


GUNICORN = ("{apps}/python/bin/gunicorn", "--bind", "127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "4")
SHARED_PAGE = (("PROMETHEUS_MULTIPROC_DIR", "{state}"),)
APPS = {
    "fastapi": App(
        "python/bin/uvicorn",
        ("python/fastapi_app.py",),
        ("{apps}/python/bin/uvicorn", "--host", "127.0.0.1", "--port", "{port}", "fastapi_app:app"),
    ),
    "gunicorn-1": App("python/bin/gunicorn", ("python/flask_app.py",), (*GUNICORN, "--workers", "1", "flask_app:app")),
    "gunicorn-2": App(
        "python/bin/gunicorn", ("python/flask_app.py",), (*GUNICORN, "--workers", "2", "flask_app:app"), SHARED_PAGE
    ),
    "express": App(
        "express/node_modules",
        ("express/server.js",),
        ("node", "server.js"),
        (("NODE_PATH", "{apps}/express/node_modules"),),
    ),
    "go": App("go/app", (), ("{apps}/go/app",)),
}
# each worker has counts of its own, and whichever answers shows them
SEPARATE_PAGES = App("python/bin/gunicorn", ("python/flask_app.py",), (*GUNICORN, "--workers", "2", "flask_app:app"))


@dataclass(frozen=True)
class Running:
    """A deployed app as its users and our own scrapes see it."""

    project: Project
    world: World
    instance: Instance

    def scrape(self) -> Scrape:
        found = observe.read(self.instance, self.world, self.instance.release.metrics)
        assert isinstance(found, Scrape), found
        return found

    def window(self, *scrapes: Scrape) -> Window:
        """What is seen of users between the first and the last of consecutive scrapes."""
        first, last = scrapes[0], scrapes[-1]
        own = observe.own(len(scrapes) - 1, last.at - first.at, self.world)
        return observe.track_window(first, last, self.instance.release, own)
