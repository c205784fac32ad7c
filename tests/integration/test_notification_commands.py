"""`lifeline notifications` on the real database: plans, imports, lists, and a test message that a receiver takes."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.cli import main
from tests.integration.service import Service, running

SECRET = "topsecret0123456789abcdef"
FILE = """\
channels:
  - {{channel: partner, via: webhook, url: "http://127.0.0.1:{port}/{secret}", key: "{secret}"}}
  - {{channel: desk, via: apprise, url: "dingtalk://{secret}/"}}
routes:
  - {{route: all, channels: [desk]}}
  - {{route: gas, channels: [partner], cities: [nowhere]}}
"""


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Service:
    return Service(tmp_path / "home", LIFELINE_DATABASE_URL=database_url)


@pytest.fixture
def receiver() -> Iterator[tuple[int, list[str]]]:
    taken: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def do_GET(self) -> None:
            taken.append("")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, taken
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_plan_an_import_and_a_test_message(service: Service, receiver: tuple[int, list[str]]) -> None:
    port, taken = receiver
    path = service.home / "notifications.yaml"
    path.write_text(FILE.format(port=port, secret=SECRET))

    planned = service.run("notifications", "import", str(path), "--dry-run").stdout
    assert planned.split("\n")[:3] == ["new\tchannel partner", "new\tchannel desk", "new\troute all"]
    assert "dry run: nothing was written" in planned
    assert "none: import a file first" in service.run("notifications", "test", "desk", expected=1).stderr

    imported = service.run("notifications", "import", str(path))
    assert "4 new, 0 changed, 0 removed, 0 unchanged" in imported.stdout
    assert "city 'nowhere', which is not registered" in imported.stderr

    path.write_text(FILE.format(port=port, secret=SECRET + "2").replace("route: gas", "route: gas-2"))
    changed = service.run("notifications", "import", str(path), "--dry-run", "--json").stdout
    assert SECRET not in changed
    plan = json.loads(changed)
    assert (plan["written"], plan["unchanged"]) == (False, 1)
    assert plan["removed"] == [{"thing": "route", "id": "gas"}]
    assert [one["id"] for one in plan["changed"]] == ["partner", "desk"]
    assert plan["changed"][1]["fields"] == [{"field": "url", "old": "***", "new": "***"}]

    refused = service.run("notifications", "test", "partner", expected=1).stderr
    assert "LIFELINE_WEBHOOK_NETWORKS_ALLOWED" in refused, "an inner address, without leave"
    assert SECRET not in refused
    assert not taken
    service.environment["LIFELINE_WEBHOOK_NETWORKS_ALLOWED"] = "127.0.0.1/32"
    assert "took the message" in service.run("notifications", "test", "partner").stdout
    assert json.loads(taken[0])["kind"] == "test"
    assert service.run("notifications", "list").stdout == ""


BAD = {
    "two errors, each with its line": ("[desk]", "[pager]", ["channel 'pager'", ":5: routes.0.channels.0"]),
    "what Apprise does not know": ("dingtalk", "nosuchservice", [":3: channels.1.url", "nosuchservice://"]),
}


@pytest.mark.parametrize(("old", "new", "told"), BAD.values(), ids=BAD)
def test_errors_have_file_line_and_remedy_and_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, told: list[str]
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(FILE.format(port=1, secret=SECRET).replace(old, new))
    assert main(["notifications", "check", str(path)]) == 1
    said = capsys.readouterr().err
    assert str(path) in said
    assert all(part in said for part in told), said
    assert SECRET not in said
    assert main(["notifications", "import", str(path), "--dry-run", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["written"] is False
    assert answer["errors"][0]["line"] > 0


def test_networks_that_are_none_are_refused_at_the_start(service: Service) -> None:
    service.environment["LIFELINE_WEBHOOK_NETWORKS_ALLOWED"] = "10.0.0.5/8"
    assert "LIFELINE_WEBHOOK_NETWORKS_ALLOWED" in service.run("notifications", "list", expected=1).stderr


def test_the_running_service_sends_and_gives_its_sign_of_life(
    tmp_path: Path, database_url: str, receiver: tuple[int, list[str]]
) -> None:
    port, taken = receiver
    environment = {
        "LIFELINE_DATABASE_URL": database_url,
        "LIFELINE_WEBHOOK_NETWORKS_ALLOWED": "127.0.0.1/32",
        "LIFELINE_HEARTBEAT_URL": f"http://127.0.0.1:{port}/ping?token={SECRET}",
        "LIFELINE_HEARTBEAT_S": "5",
        "LIFELINE_LOG": "INFO",
    }
    with running(tmp_path / "home", **environment) as service:
        path = service.home / "notifications.yaml"
        path.write_text(FILE.format(port=port, secret=SECRET))
        service.run("notifications", "import", str(path))
        key = service.run("keys", "create", "--role", "supervisor").stdout.strip()
        api = httpx.Client(base_url=f"http://127.0.0.1:{service.port}", headers={"X-API-Key": key}, timeout=20)
        answer = api.post("/api/v1/notifications/channels/partner/test")
        assert answer.json()["state"] == "sent", answer.text
        assert json.loads(taken[-1])["id"] == answer.json()["key"]
        deadline = time.monotonic() + 60
        while "lifeline_notify_heartbeats_total 0.0\n" in (figures := api.get("/metrics").text):
            assert time.monotonic() < deadline, service.said()
            time.sleep(0.2)
        assert "lifeline_notify_sent_total 1.0\n" in figures
        api.close()
    assert "" in taken, "the heartbeat came too"
    assert SECRET not in service.said()
