"""Each release runs from its own copy of its files: only a deploy brings edited code to life."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from swiftdeploy.engines.local import tree
from swiftdeploy.engines.local.code import Code
from swiftdeploy.engines.local.places import Places
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.state import Release

Make = Callable[..., Any]
SAYS = "import time, helper; print(helper.WORD, flush=True); time.sleep(1000)"


def release(place: Code, *argv: str, name: str = "r1") -> Release:
    return Release(name, "1.0.0", "demo", place.digest(argv), argv, False, 1, "", "/healthz", "/metrics", None, None)


def write(root: Path, **texts: str) -> None:
    """Files by path, `__` for a slash."""
    for name, text in texts.items():
        path = root / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def place(tmp_path: Path) -> Code:
    return Code(Places(tmp_path.resolve()), None)


def run(place: Code, one: Release) -> str:
    """What the release says when it runs as the engine runs it."""
    place.keep(one)
    done = subprocess.run(
        place.filled(one, {"port": "1"}), cwd=place.places.root, capture_output=True, text=True, timeout=20
    )
    return done.stdout.strip() or done.stderr


def copied(place: Code, one: Release) -> set[str]:
    """Everything in the copy of the project, links by their names alone."""
    folder = place.places.releases / one.id / "files" / "tree"
    found = [
        Path(where, name).relative_to(folder) for where, folders, files in os.walk(folder) for name in folders + files
    ]
    return set(map(str, found))


def test_a_crashed_instance_comes_back_with_the_code_that_was_deployed(make_stack: Make) -> None:
    stack = make_stack(services={"command": ["{python}", "app/main.py"]})
    write(stack.root, app__main_py=SAYS, app__helper_py="WORD = 'first'")
    stack.open()
    one = stack.begin()
    stack.wait(lambda: stack.engine.log_tail(one.id, 9) != ("first",))
    write(stack.root, app__main_py=SAYS.replace("helper.WORD", "'never deployed'"), app__helper_py="WORD = 'edited'")
    stack.engine.kill(one.id)
    stack.wait(lambda: len(stack.engine.log_tail(one.id, 9)) != 2)
    assert stack.engine.log_tail(one.id, 9) == ("first", "first")


def test_a_rollback_finds_all_files_of_the_old_release(make_stack: Make) -> None:
    stack = make_stack(services={"command": ["{python}", "app/main.py"]})
    write(stack.root, app__main_py=SAYS, app__helper_py="WORD = 'first'")
    stack.open()
    old = stack.begin()
    stack.wait(lambda: stack.engine.log_tail(old.id, 9) != ("first",))
    write(stack.root, app__main_py="import time; print('second', flush=True); time.sleep(1000)")
    (stack.root / "app" / "helper.py").unlink()
    stack.state = replace(stack.state, generation=1)
    new = stack.begin()
    stack.wait(lambda: stack.engine.log_tail(new.id, 9) != ("second",))
    stack.engine.stop(old.id, 1.0)
    back = replace(old, id="stable-3")
    stack.engine.start(back, stack.manifest)
    stack.wait(lambda: stack.engine.log_tail(back.id, 9) != ("first",))


def test_the_first_start_of_a_stack_takes_what_the_project_has_now(make_stack: Make) -> None:
    stack = make_stack(services={"command": ["{python}", "app/main.py"]})
    write(stack.root, app__main_py=SAYS, app__helper_py="WORD = 'first'")
    for word in ("first", "second"):
        write(stack.root, app__helper_py=f"WORD = '{word}'")
        stack.open()
        one = stack.begin()
        stack.wait(lambda one=one, word=word: stack.engine.log_tail(one.id, 9) != (word,))
        stack.engine.close(False)


def test_the_sample_app_runs_from_its_copy(tmp_path: Path) -> None:
    sample = tmp_path / "sample" / "main.py"
    write(tmp_path, sample__main_py="import helper; print(helper.WORD)", sample__helper_py="WORD = 'first'")
    place = Code(Places(tmp_path / "project"), sample)
    place.places.root.mkdir()
    one = release(place, "{python}", "{sample_app}")
    assert run(place, one) == "first"
    write(tmp_path, sample__main_py="print('edited')")
    assert run(place, one) == "first"


def test_files_beside_the_code_are_found_by_its_own_place(place: Code) -> None:
    root = place.places.root
    code = "import pathlib; here = pathlib.Path(__file__); print((here.parent / 'words.txt').read_text(), end=' ');"
    write(root, app__main_py=code + "print((here.parent.parent / 'data' / 'd.txt').read_text(), pathlib.Path.cwd())")
    (root / "app" / "words.txt").write_text("kept")
    (root / "data").mkdir()
    (root / "data" / "d.txt").write_text("data")
    one = release(place, "{python}", "app/main.py")
    assert run(place, one) == f"kept data {root}"
    (root / "app" / "words.txt").write_text("edited")
    (root / "data" / "d.txt").write_text("new data")  # beside the folder of the code: the project's own, not code
    assert run(place, one) == f"kept new data {root}"


def test_what_is_no_code_of_the_project_is_left_out(place: Code) -> None:
    root = place.places.root
    write(root, app_py="1", sub__nginx_conf="x", sub__more_py="2")
    for name in ("history.jsonl", "audit_report.md", "audit_report.html", "nginx.conf", "docker-compose.yml"):
        (root / name).touch()
    for name in (".git", ".hg", "__pycache__", "sub/__pycache__", ".swiftdeploy/local"):
        (root / name).mkdir(parents=True)
        (root / name / "x").touch()
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(root / "socket"))
    one = release(place, "{python}", "app.py")
    place.keep(one)
    assert copied(place, one) == {"app.py", "sub", "sub/nginx_conf", "sub/more.py"}


def test_an_output_that_the_command_names_is_kept(place: Code) -> None:
    (place.places.root / "nginx.conf").write_text("mine")
    one = release(place, "/bin/cat", "nginx.conf")
    assert run(place, one) == "mine"


@pytest.mark.parametrize("name", ["node_modules", "venv", ".venv", "env"])
def test_packages_are_linked_and_not_copied(place: Code, name: str) -> None:
    root = place.places.root
    code = f"import sys, os; sys.path.append(os.path.dirname(__file__) + '/{name}'); import dep; print(dep.WORD)"
    write(root, app__main_py=code)
    packages = root / "app" / name
    packages.mkdir()
    (packages / "pyvenv.cfg").touch()
    (packages / "dep.py").write_text("WORD = 'a package'")
    one = release(place, "{python}", "app/main.py")
    assert run(place, one) == "a package"
    link = place.places.releases / one.id / "files" / "tree" / "app" / name
    assert link.is_symlink()
    assert link.resolve() == packages.resolve()


def test_an_interpreter_of_the_projects_own_venv_stays_where_it_is(place: Code) -> None:
    root = place.places.root
    write(root, app_py="import sys; print(sys.argv[0])")
    (root / "venv" / "bin").mkdir(parents=True)
    (root / "venv" / "bin" / "python").symlink_to(sys.executable)
    one = release(place, "venv/bin/python", "app.py")
    place.keep(one)
    argv = place.filled(one, {"port": "1"})
    assert argv[0] == "venv/bin/python"
    write(root, app_py="print('edited')")
    assert run(place, one) == argv[1]


def test_links_are_kept_inside_the_project_only(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("outside")
    root = tmp_path / "project"
    place = Code(Places(root), None)
    write(root, app__main_py="1", app__real_py="2", shared__x_py="3")
    for name, target in {
        "near": "real.py", "absolute": str(root / "app" / "real.py"), "beside": "../shared/x.py", "nowhere": "gone",
        "outside": "../../secret", "round": "round",
    }.items():  # fmt: skip
        (root / "app" / name).symlink_to(target)
    one = release(place, "{python}", "app/main.py")
    place.keep(one)
    assert "app/outside" not in copied(place, one)
    copy = place.places.releases / one.id / "files" / "tree" / "app"
    assert {name: (copy / name).read_text() for name in ("near", "absolute", "beside")} == {
        "near": "2", "absolute": "2", "beside": "3",
    }  # fmt: skip
    assert (copy / "absolute").resolve() == (copy / "real.py").resolve()


def test_code_behind_links_of_the_project_is_kept(place: Code) -> None:
    root = place.places.root
    write(root, releases__v1__main_py="import helper; print(helper.WORD)", releases__v1__helper_py="WORD = 'first'")
    (root / "current").symlink_to("releases/v1")
    (root / "bin").mkdir()
    (root / "bin" / "app").symlink_to("../current/main.py")
    for word in ("current/main.py", "bin/app"):
        write(root, releases__v1__helper_py="WORD = 'first'")
        one = release(place, "{python}", word, name=word.replace("/", "-"))
        assert run(place, one) == "first"
        write(root, releases__v1__helper_py="WORD = 'edited'")
        assert run(place, one) == "first"


def test_two_named_files_share_one_layout(place: Code) -> None:
    write(place.places.root, bin__a_py="import sys; print(open(sys.argv[1]).read())", etc__c_py="kept")
    one = release(place, "{python}", "bin/a.py", "etc/c.py")
    assert run(place, one) == "kept"
    write(place.places.root, etc__c_py="edited")
    assert run(place, one) == "kept"


@pytest.mark.parametrize(("bound", "limit"), [("PIECES", 3), ("BYTES", 300)])
def test_what_is_too_large_runs_in_place_while_unchanged(
    place: Code, bound: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, bound, limit)
    root = place.places.root
    write(root, app_py="print('first')", a="x" * 100, b="x" * 100, c="x" * 100)
    one = release(place, "{python}", "app.py")
    place.keep(one)
    assert place.filled(one, {"port": "1"})[1] == "app.py"
    write(root, app_py="print('edited')")
    assert run(place, one) == "first"
    assert not (place.places.releases / one.id / "files" / "tree").exists()


def test_a_file_outside_the_project_is_kept_alone(tmp_path: Path) -> None:
    root = tmp_path / "project"
    place = Code(Places(root), None)
    root.mkdir()
    write(tmp_path, beside_py="print('first')")
    one = release(place, "{python}", "../beside.py")
    assert run(place, one) == "first"
    write(tmp_path, beside_py="print('edited')")
    assert run(place, one) == "first"


def test_an_executable_stays_executable(place: Code) -> None:
    script = place.places.root / "serve"
    script.write_text("#!/bin/sh\necho kept\n")
    script.chmod(0o755)
    one = release(place, "serve")
    assert run(place, one) == "kept"


def test_a_copy_that_a_crash_left_half_done_is_in_nobodys_way(place: Code) -> None:
    write(place.places.root, app_py="print('first')")
    one = release(place, "{python}", "app.py")
    half = place.places.releases / one.id / f".files.{os.getpid()}"
    half.mkdir(parents=True)
    (half / "kept.json").write_text("{")
    assert run(place, one) == "first"
    assert [path.name for path in half.parent.iterdir()] == ["files"]


def test_a_copy_that_cannot_be_made_is_said(place: Code) -> None:
    write(place.places.root, app_py="1")
    one = release(place, "{python}", "app.py")
    place.places.state.mkdir()
    place.places.releases.touch()
    with pytest.raises(EnvironmentMissing, match="cannot be copied"):
        place.keep(one)
