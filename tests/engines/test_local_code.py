"""What a release is on the local engine: argv and the files it names, and old code that can run again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from swiftdeploy.engines.local import code
from swiftdeploy.engines.local.code import Code
from swiftdeploy.engines.local.places import Places
from swiftdeploy.model import manifest
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.manifest import Manifest
from swiftdeploy.model.state import Release

ARGV = ["{python}", "app.py", "--port={port}"]


def asked(nginx_port: int = 8080, contact: str = "a@b.c", **changed: Any) -> Manifest:
    services = {name: value for name, value in {"command": ARGV, **changed}.items() if value is not None}
    text = {
        "services": {"image": "demo/app:1", "port": 8000, **services},
        "nginx": {"image": "nginx:1.31", "port": nginx_port},
        "network": {"name": "demo-net", "driver_type": "bridge"},
        "contact": contact,
    }
    return manifest.parse(json.dumps(text))


@pytest.fixture
def place(tmp_path: Path) -> Code:
    (tmp_path / "app.py").write_text("print('first')")
    return Code(Places(tmp_path), None)


def release_of(wanted: Manifest, place: Code) -> Release:
    return code.release(wanted, place)


def kept_in(place: Code, one: Release) -> Path:
    return place.places.releases / one.id / "files"


def test_the_same_manifest_and_files_are_the_same_release(place: Code) -> None:
    assert release_of(asked(), place) == release_of(asked(), place)


@pytest.mark.parametrize(
    "changed",
    [
        {"version": "2.0.0"}, {"port": 9000}, {"command": ["{python}", "b.py"]},
        {"health_path": "/up"}, {"env": {"A": "1"}}, {"resources": {"memory": "64m"}},
    ],
)  # fmt: skip
def test_what_counts_makes_another_release(place: Code, changed: dict[str, Any]) -> None:
    assert release_of(asked(**changed), place).id != release_of(asked(), place).id


def test_changed_code_makes_another_release(place: Code) -> None:
    before = release_of(asked(), place)
    (place.places.root / "app.py").write_text("print('second')")
    assert release_of(asked(), place).id != before.id


def test_mode_and_proxy_and_contact_do_not_count(place: Code) -> None:
    assert release_of(asked(9090, "x@y.z", mode="canary"), place).id == release_of(asked(), place).id


def test_secrets_are_never_in_a_release(place: Code) -> None:
    assert "hunter2" not in repr(release_of(asked(env={"PASSWORD": "hunter2"}), place))


def test_placeholders_are_filled_in(place: Code) -> None:
    import sys

    one = release_of(asked(), place)
    place.keep(one)
    assert place.filled(one, {"port": "1234"}) == (
        sys.executable,
        str(kept_in(place, one) / "tree/app.py"),
        "--port=1234",
    )


def test_without_a_command_and_a_sample_app_nothing_can_run(place: Code) -> None:
    with pytest.raises(EnvironmentMissing, match=r"services\.command is missing"):
        release_of(asked(command=None), place)


def test_the_sample_app_is_known_by_its_contents_not_its_path(tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        sample = tmp_path / name / "main.py"
        sample.parent.mkdir()
        sample.write_text("print('sample')")
        found.append(release_of(asked(command=None), Code(Places(tmp_path), sample)))
    assert found[0] == found[1]
    assert found[0].sample_app


def test_a_kept_release_runs_its_old_code(place: Code) -> None:
    old = release_of(asked(), place)
    place.keep(old)
    (place.places.root / "app.py").write_text("print('second')")
    kept = Path(place.filled(old, {"port": "1"})[1])
    assert kept.read_text() == "print('first')"


def test_a_release_whose_files_are_gone_is_refused(place: Code) -> None:
    old = release_of(asked(), place)
    (place.places.root / "app.py").unlink()
    with pytest.raises(EnvironmentMissing, match="were changed and no copy"):
        place.filled(old, {"port": "1"})


def test_a_kept_copy_that_was_edited_is_refused(place: Code) -> None:
    old = release_of(asked(), place)
    place.keep(old)
    (place.places.root / "app.py").write_text("print('second')")
    Path(place.filled(old, {"port": "1"})[1]).write_text("print('evil')")
    with pytest.raises(EnvironmentMissing, match="were changed and no copy"):
        place.filled(old, {"port": "1"})


def test_a_damaged_copy_is_made_anew_from_files_that_are_still_the_same(place: Code) -> None:
    one = release_of(asked(), place)
    place.keep(one)
    copy = Path(place.filled(one, {"port": "1"})[1])
    copy.write_text("torn")
    place.keep(one)
    assert copy.read_text() == "print('first')"


def test_a_damaged_copy_is_refused_at_the_start_when_the_files_were_changed(place: Code) -> None:
    one = release_of(asked(), place)
    place.keep(one)
    (kept_in(place, one) / "kept.json").write_text('{"whole"')
    (place.places.root / "app.py").write_text("print('second')")
    with pytest.raises(EnvironmentMissing, match="were changed and no copy"):
        place.keep(one)


def test_an_absolute_word_belongs_to_the_machine(place: Code) -> None:
    assert place.files(("/bin/sh", "app.py", "x" * 5000, "no\0file", "")) == {1: place.places.root / "app.py"}


def test_a_release_that_is_started_again_runs_the_code_it_was(make_stack: Callable[..., Any]) -> None:
    stack = make_stack(services={"command": ["{python}", "-S", "app.py"], "restart_policy": "no"})
    app = stack.root / "app.py"
    app.write_text("import time; print('first', flush=True); time.sleep(1000)")
    stack.open()
    one = stack.begin()
    stack.wait(lambda: stack.engine.log_tail(one.id, 1) != ("first",))
    app.write_text("import time; print('second', flush=True); time.sleep(1000)")
    again = replace(one, id="stable-2")
    stack.engine.start(again, stack.manifest)
    stack.wait(lambda: stack.engine.log_tail(again.id, 1) != ("first",))
