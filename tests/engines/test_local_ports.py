"""Port claims: fresh, shared by all projects of a user, given back."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from swiftdeploy.machine import ports
from swiftdeploy.model.errors import EnvironmentMissing


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "claims"
    monkeypatch.setattr(ports, "_folder", lambda: folder)
    return folder


def test_claims_differ_and_advance(tmp_path: Path) -> None:
    first = [ports.claim(tmp_path, tmp_path) for _ in range(5)]
    for port in first:
        ports.release(port, tmp_path)
    ports.claim(tmp_path, tmp_path)
    assert len(set(first)) == 5


def test_a_port_given_back_is_not_used_again_at_once(tmp_path: Path) -> None:
    ports.claim(tmp_path, tmp_path)
    given_back = ports.claim(tmp_path, tmp_path)
    ports.release(given_back, tmp_path)
    assert given_back not in [ports.claim(tmp_path, tmp_path) for _ in range(20)]


def test_claims_are_below_the_ephemeral_range(tmp_path: Path) -> None:
    first, last = ports._range()
    assert 1024 <= first <= ports.claim(tmp_path, tmp_path) <= last


def test_a_port_in_use_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        monkeypatch.setattr(ports, "_range", lambda: (taken, taken))
        with pytest.raises(EnvironmentMissing, match=f"no port from {taken}"):
            ports.claim(tmp_path, tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"root": 1}'])
def test_a_torn_claim_is_reclaimed(
    tmp_path: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    port = ports.claim(tmp_path, tmp_path)
    (own_folder / str(port)).write_text(text)
    monkeypatch.setattr(ports, "_range", lambda: (port, port))
    assert ports.claim(tmp_path, tmp_path) == port


def test_a_claim_outlives_its_process_while_its_marker_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = tmp_path / "marker"
    marker.touch()
    port = ports.claim(tmp_path, marker)
    _as_if_claimed_by_a_dead_process(port)
    monkeypatch.setattr(ports, "_range", lambda: (port, port))
    with pytest.raises(EnvironmentMissing):
        ports.claim(tmp_path, marker)
    marker.unlink()
    assert ports.claim(tmp_path, marker) == port


def test_another_projects_claims_stay(tmp_path: Path, own_folder: Path) -> None:
    mine, other = ports.claim(tmp_path, tmp_path), ports.claim(tmp_path / "other", tmp_path)
    ports.release(other, tmp_path)
    ports.release_all(tmp_path)
    assert not (own_folder / str(mine)).exists()
    assert (own_folder / str(other)).exists()


def test_the_last_claim_takes_the_folder_with_it(tmp_path: Path, own_folder: Path) -> None:
    port = ports.claim(tmp_path, tmp_path)
    assert own_folder.is_dir()
    ports.release(port, tmp_path)
    assert not own_folder.exists()
    ports.release(port, tmp_path)


def test_processes_at_once_never_get_the_same_port(tmp_path: Path, own_folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from swiftdeploy.machine import ports;"
        "ports._folder = lambda: Path(sys.argv[1]);"
        "print(*(ports.claim(Path(sys.argv[2]), Path(sys.argv[2])) for _ in range(20)), flush=True); input()"
    )
    argv = (sys.executable, "-c", script, str(own_folder), str(tmp_path))
    root = Path(__file__).parents[2]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(argv, stdout=pipe, stdin=pipe, text=True, cwd=root) for _ in range(3)]
    try:
        got = [int(word) for one in running if one.stdout for word in one.stdout.readline().split()]
    finally:
        for one in running:
            one.communicate("\n")
    assert len(got) == len(set(got)) == 60


def test_a_privileged_port_says_what_to_do() -> None:
    with pytest.raises(EnvironmentMissing, match=r"cannot listen on 192\.0\.2\.1:80"):
        ports.free("192.0.2.1", 80)


def _as_if_claimed_by_a_dead_process(port: int) -> None:
    path = ports._folder() / str(port)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"born": 1.0}))
