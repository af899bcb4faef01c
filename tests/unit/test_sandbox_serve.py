"""Starting and stopping the sandbox, in a thread and as a process of its own."""

import json
import signal
import socket
import subprocess
import sys
import threading

import pytest
import urllib3
from test_sandbox_caller import CONTACTS, calling

from connector.errors import SetupError
from connector.sandbox.serve import Sandbox


def test_a_process_prints_where_it_is_and_ends_on_sigterm() -> None:
    """One JSON line when ready; nothing else is written; SIGTERM ends it with 0."""
    command = [sys.executable, "-m", "connector.cli", "sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        ready = json.loads(process.stdout.readline())
        with urllib3.PoolManager() as pool:
            answer = pool.request("GET", ready["url"] + CONTACTS, headers={"Authorization": f"Bearer {ready['token']}"})
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert (answer.status, ready["crm"]) == (200, "hubspot")
    assert (process.returncode, out, err) == (0, "", "")


def test_a_taken_port_is_a_set_up_error() -> None:
    """The message names the address and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SetupError, match="cannot listen on 127"):
        Sandbox(port=taken.getsockname()[1])


def test_stop_ends_open_connections() -> None:
    """Idle connections and slow answers do not keep it alive, and its thread is gone."""
    before = threading.active_count()
    with calling() as call:
        call("GET", CONTACTS)
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    with pytest.raises(urllib3.exceptions.HTTPError):
        call("GET", CONTACTS)


def test_many_clients_at_once() -> None:
    """Writers in parallel lose nothing and share no id."""
    with calling() as call:
        ids: list[str] = []
        threads = [
            threading.Thread(target=lambda: ids.extend(call.contact(city="x") for _ in range(20))) for _ in range(6)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(set(ids)) == 120
        assert call("POST", f"{CONTACTS}/search", {"limit": 1}).body["total"] == 120
