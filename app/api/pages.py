"""The pages that people open in a browser: the console and the description of the API, from this server alone."""

import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.api.context import ApiContext
from app.api.negotiation import preferred

STATIC = resources.files("app") / "static"
VIEWS = ("/", "/map", "/wall", "/shift", "/engineer", "/replay", "/field")
"""The console's addresses: each gives the same page, which shows the view of its address."""
AT_THE_ROOT = {  # where a browser wants them: a service worker rules what lies beside and below it
    "/service-worker.js": ("text/javascript", {"Service-Worker-Allowed": "/"}),
    "/manifest.webmanifest": ("application/manifest+json", {}),
}
_CODINGS = ("identity", "br", "zstd", "gzip")  # in this order where they weigh the same; zstd is packed as it is sent
_ENDINGS = {"br": ".br", "gzip": ".gz"}
IMMUTABLE = "public, max-age=31536000, immutable"
NOT_BUILT = """<!doctype html>
<html lang="zh-CN">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lifeline</title><link rel="stylesheet" href="/static/lifeline.css"></head>
<body><main>
<h1>Lifeline</h1>
<p>控制台尚未构建。请在本机执行 <code>make setup</code>（需要访问 npm 软件源；
没有 Node.js 20.19 或更高版本时还需访问 PyPI），完成后刷新本页。接口照常工作：<a href="/docs">/docs</a>。</p>
<p lang="en">The console has not been built. Run <code>make setup</code> on this machine; it needs the npm registry, and
PyPI where there is no Node.js 20.19 or newer. Then load this page again. The API works all the same:
<a href="/docs">/docs</a>.</p>
</main></body>
</html>
"""


class ConsoleFiles(StaticFiles):
    """The console's files: those with a hash in their name never change, of the others a browser asks each time."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Return the file, packed where the caller takes that, with its word to caches."""
        file, coding = _packed(Path(full_path), Headers(scope=scope))
        response = super().file_response(file, stat_result if coding is None else file.stat(), scope, status_code)
        response.headers.update(_about(file, coding if response.status_code == status_code else None))
        return response

    async def check_config(self) -> None:
        """Do without the folder: a console that is not built yet has no files."""


def install(app: FastAPI, context: ApiContext) -> None:
    """Serve the console's views and files, `/docs` and `/static`."""
    for view in VIEWS:
        app.get(view, include_in_schema=False)(_view(context.console))
    for path, (media_type, headers) in AT_THE_ROOT.items():
        app.get(path, include_in_schema=False)(_at_the_root(context.console / path[1:], media_type, headers))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse((STATIC / "docs.html").read_text("utf-8"), headers={"Cache-Control": "no-cache"})

    app.mount("/static/console", ConsoleFiles(directory=context.console, check_dir=False), name="console")
    app.mount("/static", StaticFiles(directory=str(STATIC)), name="static")


def _view(console: Path) -> Callable[[], Response]:
    def view() -> Response:
        try:
            page = (console / "index.html").read_text("utf-8")
        except FileNotFoundError:
            # Not 200: whoever looks whether the console is there, be it a test or a monitor, must not find this page.
            return HTMLResponse(NOT_BUILT, 503, headers={"Cache-Control": "no-store"})
        return HTMLResponse(page, headers={"Cache-Control": "no-cache"})

    return view


def _at_the_root(file: Path, media_type: str, headers: dict[str, str]) -> Callable[[Request], Response]:
    def at_the_root(request: Request) -> Response:
        if not file.is_file():
            raise HTTPException(404)
        sent, coding = _packed(file, request.headers)
        return FileResponse(sent, media_type=media_type, headers=_about(sent, coding) | headers)

    return at_the_root


def _packed(file: Path, asked: Headers) -> tuple[Path, str | None]:
    """Return the file as the build packed it in the coding that the caller prefers, with that; else itself and None."""
    coding = preferred(asked.get("accept-encoding"), _CODINGS)
    packed = file.with_name(f"{file.name}{_ENDINGS.get(coding, '')}")
    return (packed, coding) if packed != file and packed.is_file() else (file, None)


def _about(file: Path, coding: str | None) -> dict[str, str]:
    headers = {"Cache-Control": IMMUTABLE if file.parent.name == "assets" else "no-cache", "Vary": "Accept-Encoding"}
    return headers if coding is None else headers | {"Content-Encoding": coding}
