"""Files of the project: read as they are, written whole or not at all, never outside."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from swiftdeploy.edge.files import Files
from swiftdeploy.model import policy
from swiftdeploy.model.errors import EnvironmentMissing, Unreadable


@pytest.fixture
def files(tmp_path: Path) -> Files:
    root = tmp_path / "project"
    root.mkdir()
    return Files(root, lambda name: tmp_path / "packaged" / name)


def packaged(files: Files, name: str, text: str) -> None:
    path = files.packaged(Path(name).parts[0]) / Path(name).name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("text", ["", "a\r\nb\rc\n", "\ufeffa: 1\n", "no end", "héé 😀\x00"])
def test_a_text_is_read_as_it_was_written_line_ends_and_bom_included(files: Files, text: str) -> None:
    files.write("a.txt", text)
    assert (files.root / "a.txt").read_bytes() == text.encode()
    assert files.read("a.txt") == text


def test_a_missing_file_is_told_with_its_path(files: Files) -> None:
    with pytest.raises(Unreadable, match=r"there is no .*/project/manifest\.yaml"):
        files.read("manifest.yaml")


def test_what_is_no_text_is_told_with_its_byte(files: Files) -> None:
    (files.root / "a").write_bytes(b"ab\xff")
    with pytest.raises(Unreadable, match="not UTF-8 text: byte 3"):
        files.read("a")


def test_a_folder_is_no_text(files: Files) -> None:
    with pytest.raises(Unreadable, match="cannot read"):
        files.read(".")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "../project2/x"])
def test_a_name_never_leaves_the_project(files: Files, name: str) -> None:
    for act in (files.read, files.exists, files.names, files.remove, lambda name: files.write(name, "x")):
        with pytest.raises(Unreadable, match="not inside the project folder"):
            act(name)


def test_a_link_out_of_the_project_is_not_written_through(files: Files, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (files.root / "nginx.conf").symlink_to(outside)
    (files.root / "folder").symlink_to(tmp_path)
    for name in ("nginx.conf", "folder/outside"):
        with pytest.raises(Unreadable, match=r"is a link to .*, outside the project"):
            files.write(name, "x")
    assert outside.read_text() == "mine"


def test_a_link_inside_the_project_stays_a_link(files: Files) -> None:
    files.write("real.yaml", "old")
    (files.root / "manifest.yaml").symlink_to("real.yaml")
    files.write("manifest.yaml", "new")
    assert (files.root / "manifest.yaml").is_symlink()
    assert files.read("real.yaml") == "new"


def test_private_files_are_for_their_owner_only(files: Files) -> None:
    files.write("a", "open")
    files.write("a", "open", private=True)
    files.write("b", "secret", private=True)
    assert mode(files.root / "a") == mode(files.root / "b") == 0o600


def test_a_replaced_file_keeps_its_mode(files: Files) -> None:
    files.write("a", "old")
    (files.root / "a").chmod(0o640)
    files.write("a", "new")
    assert mode(files.root / "a") == 0o640


def test_the_state_folder_is_private_and_ignored_by_git(files: Files) -> None:
    files.write(".swiftdeploy/releases/x/manifest.yaml", "a: 1")
    assert mode(files.root / ".swiftdeploy") == 0o700
    assert files.read(".swiftdeploy/.gitignore") == "*\n"


def test_the_same_text_is_not_written_again(files: Files) -> None:
    files.write("a", "x")
    before = (files.root / "a").stat().st_ino
    files.write("a", "x")
    assert (files.root / "a").stat().st_ino == before


def test_a_reader_sees_the_old_text_or_the_new_one_and_nothing_between(files: Files) -> None:
    texts = {"a" * 300_000, "b" * 200_000}
    files.write("x", "a" * 300_000)
    seen: set[str] = set()
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            seen.add(files.read("x"))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        for text in sorted(texts):
            files.write("x", text)
    ended.set()
    reader.join()
    assert seen <= texts


def test_what_a_killed_writer_left_is_swept_and_never_listed(files: Files) -> None:
    gone = subprocess.Popen([sys.executable, "-S", "-c", ""])
    gone.wait()
    stray = files.root / f".x.swiftdeploy-{gone.pid}-0123abcd.tmp"
    living = files.root / f".x.swiftdeploy-{os.getppid()}-0123abcd.tmp"
    stray.write_text("half")
    living.write_text("half")
    assert files.names(".") == ()
    files.write("x", "whole")
    assert not stray.exists()
    assert living.exists()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(files: Files) -> None:
    files.write("folder/kept", "old")
    with pytest.raises(EnvironmentMissing, match="cannot write"):
        files.write("folder", "new")
    assert files.names(".") == ("folder",)
    assert files.read("folder/kept") == "old"


def test_removing_takes_files_folders_and_links_and_is_fine_with_nothing(files: Files, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (files.root / "link").symlink_to(tmp_path / "kept")
    files.write("a/b/c", "x")
    files.write("d", "x")
    for name in ("a", "d", "link", "never"):
        files.remove(name)
    assert files.names(".") == ()
    assert (tmp_path / "kept" / "file").exists()


def test_the_project_itself_cannot_be_removed(files: Files) -> None:
    with pytest.raises(Unreadable):
        files.remove(".")
    assert files.root.exists()


def test_names_are_sorted_and_empty_for_what_is_no_folder(files: Files) -> None:
    for name in ("f/b", "f/a", "f/c/d"):
        files.write(name, "x")
    assert files.names("f") == ("a", "b", "c")
    assert files.names("f/a") == files.names("none") == ()


def test_packaged_policies_are_used_only_without_own_ones(files: Files) -> None:
    packaged(files, "policies/canary.rego", "packaged")
    assert files.policies().files == {"canary.rego": "packaged"}
    assert files.policies().packaged
    (files.root / "policies").mkdir()
    assert files.policies().files == {}
    assert not files.policies().packaged


def test_policies_are_rego_files_and_their_data_and_nothing_else(files: Files) -> None:
    for name in ("b.rego", "a.rego", "a_test.rego", "data.json", "other.json", "README.md", "sub/c.rego"):
        files.write(f"policies/{name}", name)
    found = files.policies()
    assert list(found.files) == ["a.rego", "a_test.rego", "b.rego", "data.json"]
    assert found.digest == policy.digest(found.files)


def test_own_templates_replace_packaged_ones_by_name(files: Files) -> None:
    packaged(files, "templates/nginx.conf.tmpl", "packaged")
    packaged(files, "templates/routing.conf.tmpl", "packaged")
    assert set(files.templates().values()) == {"packaged"}
    files.write("templates/nginx.conf.tmpl", "own")
    assert files.templates() == {"nginx.conf.tmpl": "own", "routing.conf.tmpl": "packaged"}


def test_the_packaged_templates_are_there() -> None:
    found = Files(Path("/nonexistent")).templates()
    assert {"nginx.conf.tmpl", "docker-compose.yml.tmpl", "routing.conf.tmpl"} <= set(found)
