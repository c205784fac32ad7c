"""The console's files as the API serves them: one page for every view, what caches are told, what if none is built."""

from __future__ import annotations

import gzip
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from app.api.pages import VIEWS
from tests.api.service import Service, serve

FRAME = Path(__file__).parents[2] / "console" / "src" / "frame.tsx"
OWN = ("default", "script", "style", "connect", "worker", "font", "manifest", "media")
PAGE = '<!doctype html><script type="module" src="/static/console/assets/index-AbC_12-x.js"></script>'
ACCEPTED = {  # what is asked for: what is sent
    "gzip, deflate, br, zstd": "br",
    "gzip, deflate": "gzip",
    "br;q=0.5, gzip": "gzip",
    "br;q=0, identity": "identity",
    "identity": "identity",
}
SCRIPT = "export const text = 'one';\n" * 200


def write_console(folder: Path) -> Path:
    """Write a folder as a build leaves it, and return it."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "assets" / "index-AbC_12-x.js").write_text(SCRIPT)
    (folder / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "service-worker.js").write_text("self.onfetch = () => {};\n")
    (folder / "manifest.webmanifest").write_text('{"name": "Lifeline"}')
    return folder


@pytest.fixture
def built(tmp_path: Path) -> Path:
    return write_console(tmp_path / "console")


def test_every_view_of_the_console_is_an_address() -> None:
    views = re.search(r"const VIEWS\b.*?\n};", FRAME.read_text("utf-8"), re.DOTALL)
    assert views is not None
    assert {"/", *re.findall(r'^  "(/\w+)":', views[0], re.MULTILINE)} == set(VIEWS)


def test_every_view_is_the_one_page_and_is_asked_for_each_time(database_url: str, built: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for view in VIEWS:
            answer = await client.get(view)
            assert (answer.status_code, answer.text) == (200, PAGE), view
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["cache-control"] == "no-cache"
            again = await client.get(view, headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
        assert (await client.get("/walls")).status_code == 404

    _serve(database_url, built, scenario)


def test_files_with_a_hash_in_their_name_are_kept_for_ever_and_sent_compressed(database_url: str, built: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for coding in ("zstd", "gzip", "identity"):
            answer = await client.get("/static/console/assets/index-AbC_12-x.js", headers={"Accept-Encoding": coding})
            assert (answer.status_code, answer.text) == (200, SCRIPT)
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-type"].startswith("text/javascript")
            assert answer.headers.get("content-encoding", "identity") == coding
            again = await client.get(
                "/static/console/assets/index-AbC_12-x.js", headers={"If-None-Match": answer.headers["etag"]}
            )
            assert (again.status_code, again.headers["cache-control"]) == (304, answer.headers["cache-control"])
        for path in ("icon.svg", "index.html"):
            assert (await client.get(f"/static/console/{path}")).headers["cache-control"] == "no-cache"
        for path in ("none.js", "assets/none.js", "..%2findex.html", "..%2f..%2fsettings.py"):
            answer = await client.get(f"/static/console/{path}")
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
            assert "cache-control" not in answer.headers

    _serve(database_url, built, scenario)


def test_what_the_build_packed_is_sent_as_it_is_to_whoever_takes_it(database_url: str, built: Path) -> None:
    script, page = built / "assets" / "index-AbC_12-x.js", built / "service-worker.js"
    packed = {"br": b"as brotli has it", "gzip": gzip.compress(SCRIPT.encode())}
    for file in (script, page):
        for coding, ending in (("br", ".br"), ("gzip", ".gz")):
            file.with_name(file.name + ending).write_bytes(packed[coding])

    async def scenario(client: httpx.AsyncClient) -> None:
        for path, cache in (("/static/console/assets/index-AbC_12-x.js", "immutable"), ("/service-worker.js", "no-c")):
            tags = set()
            for asked, coding in ACCEPTED.items():
                async with client.stream("GET", path, headers={"Accept-Encoding": asked}) as answer:
                    body = b"".join([part async for part in answer.aiter_raw()])
                headers = answer.headers
                assert (answer.status_code, headers.get("content-encoding", "identity")) == (200, coding), asked
                assert body == packed.get(coding, body)
                assert headers["content-type"].startswith("text/javascript")
                assert cache in headers["cache-control"]
                assert headers["vary"] == "Accept-Encoding"
                tags.add(headers["etag"].removeprefix("W/"))
                if cache == "immutable":
                    known = {"Accept-Encoding": asked, "If-None-Match": headers["etag"]}
                    again = await client.get(path, headers=known)
                    assert (again.status_code, again.content) == (304, b""), asked
                    assert "content-encoding" not in again.headers
            assert len(tags) == 3, "a cache does not take one for another"

    _serve(database_url, built, scenario)


def test_the_service_worker_rules_the_whole_console(database_url: str, built: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        worker = await client.get("/service-worker.js")
        assert (worker.status_code, worker.text) == (200, "self.onfetch = () => {};\n")
        assert worker.headers["content-type"].startswith("text/javascript")
        assert worker.headers["service-worker-allowed"] == "/"
        assert worker.headers["cache-control"] == "no-cache"
        manifest = await client.get("/manifest.webmanifest")
        assert (manifest.json(), manifest.headers["content-type"]) == (
            {"name": "Lifeline"},
            "application/manifest+json",
        )

    _serve(database_url, built, scenario)


def test_where_no_console_is_built_the_page_says_so_and_the_api_works(database_url: str, tmp_path: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for view in VIEWS:
            answer = await client.get(view)
            assert answer.status_code == 503, view
            assert "控制台尚未构建" in answer.text
            assert "The console has not been built" in answer.text
            assert answer.text.count("make setup") == 2
            assert answer.headers["cache-control"] == "no-store"
        for path in ("/static/console/index.html", "/service-worker.js", "/manifest.webmanifest"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/api/v1/status")).status_code == 200
        assert (await client.get("/docs")).status_code == 200
        (tmp_path / "none").mkdir()
        (tmp_path / "none" / "index.html").write_text(PAGE)
        assert (await client.get("/")).text == PAGE  # built while the service ran

    _serve(database_url, tmp_path / "none", scenario)


def test_pages_run_nothing_but_our_own_files(database_url: str, built: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for path in ("/", "/static/console/assets/index-AbC_12-x.js", "/service-worker.js", "/docs", "/api/v1/status"):
            headers = (await client.get(path)).headers
            policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
            assert "unsafe" not in headers["content-security-policy"]
            assert "http" not in headers["content-security-policy"]
            assert {policy[f"{name}-src"] for name in OWN} == {"'self'"}
            assert policy["img-src"] == "'self' data: blob:"
            assert {policy[name] for name in ("object-src", "frame-src", "frame-ancestors", "base-uri")} == {"'none'"}
            assert "geolocation=(self)" in headers["permissions-policy"]
            assert {"camera=()", "microphone=()"} <= set(headers["permissions-policy"].split(", "))

    _serve(database_url, built, scenario)


def _serve(database_url: str, console: Path, scenario: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def with_client(service: Service) -> None:
        await scenario(await service.client("viewer"))

    serve(database_url, with_client, console=console)
