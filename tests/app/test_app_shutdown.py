"""SIGTERM: who is in is served, who queues is let in, then it is gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading

import pytest


def test_an_idle_app_ends_cleanly_though_clients_hold_connections(stable, rig):
    one = stable.connect()
    one.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert rig.read_reply(one).status == 200
    stable.process.terminate()
    assert stable.process.wait(5) == 0
    assert one.recv(100) == b""
    with pytest.raises(ConnectionRefusedError):
        stable.connect()


def test_ctrl_c_ends_it_the_same_way(stable):
    stable.process.send_signal(signal.SIGINT)
    assert stable.process.wait(5) == 0


def test_a_request_in_flight_is_answered_and_its_connection_closed(stable, rig):
    one = stable.connect()
    one.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
    rig.eventually(lambda: stable.sample("app_requests_in_flight") == 1)
    stable.process.terminate()
    rig.eventually(lambda: refuses(stable.port))
    one.sendall(b"+half.")
    reply = rig.read_reply(one)
    assert (reply.status, reply.headers["connection"]) == (405, "close")
    assert stable.process.wait(5) == 0


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return True
    return False


def test_connections_that_queue_are_served_before_the_door_closes(stable, rig):
    os.kill(stable.process.pid, signal.SIGSTOP)
    queued = [stable.connect() for _ in range(60)]
    for one in queued:
        one.sendall(b"POST /chaos HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    stable.process.terminate()
    os.kill(stable.process.pid, signal.SIGCONT)
    assert [rig.read_reply(one).status for one in queued] == [403] * 60
    assert stable.process.wait(5) == 0


def test_a_request_that_arrived_on_an_idle_connection_is_served(stable, rig):
    one = stable.connect()
    one.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert rig.read_reply(one).status == 200
    os.kill(stable.process.pid, signal.SIGSTOP)
    stable.process.terminate()
    one.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
    os.kill(stable.process.pid, signal.SIGCONT)
    assert rig.read_reply(one).status == 200


def test_a_request_that_sleeps_in_a_fault_is_woken_and_answered(canary, rig):
    canary.chaos(mode="slow", duration=30)
    replies = []
    sleeper = threading.Thread(target=lambda: replies.append(canary.ask("GET", "/")))
    sleeper.start()
    rig.eventually(lambda: canary.sample("app_requests_in_flight") == 1)
    canary.process.terminate()
    assert canary.process.wait(10) == 0
    sleeper.join(10)
    assert [reply.status for reply in replies] == [200]


def test_the_drain_time_ends_the_wait_for_a_client_that_never_finishes(rig):
    with rig.running(APP_DRAIN_SECONDS="0.3") as service:
        one = service.connect()
        one.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
        rig.eventually(lambda: service.sample("app_requests_in_flight") == 1)
        service.process.terminate()
        assert service.process.wait(10) == 0  # the request itself would have had 30 s


def test_busy_clients_are_told_to_close_and_lose_nothing(stable, rig):
    answers: list[int] = []
    failures: list[Exception] = []

    def client() -> None:
        one = stable.connect()
        try:
            while True:
                one.sendall(b"GET / HTTP/1.1\r\n\r\n")
                reply = rig.read_reply(one)
                answers.append(reply.status)
                if reply.headers.get("connection") == "close":
                    return
        except Exception as failure:
            failures.append(failure)

    clients = [threading.Thread(target=client) for _ in range(8)]
    for one in clients:
        one.start()
    rig.eventually(lambda: len(answers) > 200)
    stable.process.terminate()
    for one in clients:
        one.join(20)
    assert set(answers) == {200}
    assert failures == []
    assert stable.process.wait(5) == 0


def test_it_ends_though_nobody_reads_its_output(rig):
    port = rig.free_port()
    reader, writer = os.pipe()
    env = {"APP_PORT": str(port), "APP_HOST": "127.0.0.1"}
    process = subprocess.Popen([sys.executable, str(rig.app)], env=env, stdout=writer)
    os.close(writer)
    try:
        rig.eventually(lambda: not refuses(port))
        os.close(reader)
        process.terminate()
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()
