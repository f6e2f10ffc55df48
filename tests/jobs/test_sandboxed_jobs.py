"""Jobs of the product in the sandbox, where it could stand in their way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from inspector.errors import MissingFile
from inspector.jobs.forkserver import TemplateSpec
from inspector.jobs.requests import REQUESTS, Request, table
from inspector.jobs.runner import LIGHT, TENSORFLOW, LocalRunner, default_templates
from inspector.jobs.sandbox import enter
from inspector.jobs.store.workspace import Workspace
from tests.jobs.escapes import ATTEMPTS

pytestmark = pytest.mark.skipif(
    bool(enter.parts().missing()), reason="; ".join(enter.parts().missing())
)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a model")

    def log_message(self, *_args: object) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def runner(tmp_path_factory) -> Iterator[LocalRunner]:
    networked = Request(
        "attempts", "tests.jobs.escapes:attempts", network=True, limits=REQUESTS["fetch"].limits
    )
    requests = table(REQUESTS["fetch"], networked)
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    with LocalRunner(workspace, requests=requests) as runner:
        yield runner


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_url_is_fetched_into_the_jobs_folder(runner, port, host):
    url = f"http://{host}:{port}/m.pb"
    result = runner.run("fetch", {"url": url, "allowed": None})
    assert (result.folder / result.value["name"]).read_bytes() == b"a model"


def test_a_server_that_is_not_there_is_still_told_as_such(runner):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/m.pb"
        with pytest.raises(MissingFile, match="refused"):
            runner.run("fetch", {"url": url, "allowed": None})


def test_what_fetches_has_the_network_and_nothing_else(runner, port, tmp_path):
    (tmp_path / "secret").write_text("a line of a file of the server")
    (tmp_path / "neighbour").write_text("")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "unix"))
        unix.listen()
        names = ("path", "neighbour", "other_model", "secret")
        args = dict.fromkeys(names, str(tmp_path / "secret")) | {
            "outside": str(tmp_path),
            "home": str(tmp_path.home()),
            "caller": 1,
            "port": port,
            "unix": str(tmp_path / "unix"),
            "abstract": "none",
            "other_job": 1,
            "tensorflow": False,
            "path": None,
        }
        how = runner.run("attempts", args).value["python"]
    succeeded = {name for name in ATTEMPTS if how[name] is None}
    assert succeeded - {"name of a host"} == {"TCP", "UDP"}


@pytest.mark.tensorflow
@pytest.mark.slow
def test_tensorflow_starts_inside_the_sandbox_where_jobs_are_not_forked(tmp_path):
    specs = default_templates(REQUESTS)
    spawned = {name: replace(spec, spawn=True, preload=()) for name, spec in specs.items()}
    (tmp_path / "secret").write_text("")
    with LocalRunner(Workspace(tmp_path / "ws"), templates=spawned) as runner:
        value = runner.run("self_test", {"secret": str(tmp_path / "secret")}).value
    assert value["runs_an_op"]
    refused = ("reads_outside", "writes_outside", "has_network", "starts_processes")
    assert not any(value[name] for name in refused)


@pytest.mark.tensorflow
@pytest.mark.slow
def test_both_keras_start_inside_the_sandbox(tmp_path):
    request = Request("keras", "tests.jobs.escapes:keras_floats", tensorflow=True)
    spec = TemplateSpec(TENSORFLOW, ("inspector.backend.self_test", "tests.jobs.escapes"))
    templates = {LIGHT: TemplateSpec(LIGHT), TENSORFLOW: spec}
    workspace = Workspace(tmp_path / "ws")
    with LocalRunner(workspace, requests=table(request), templates=templates) as runner:
        assert runner.run("keras").value == {"keras": "float32", "tf_keras": "float32"}
