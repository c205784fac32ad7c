"""The pages that people open in a browser: live alarms and the description of the API, from this server alone."""

from importlib import resources

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

STATIC = resources.files("app") / "static"


def install(app: FastAPI) -> None:
    """Serve `/`, `/docs` and `/static`."""

    @app.get("/", include_in_schema=False)
    async def index() -> HTMLResponse:
        return _page("index.html")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return _page("docs.html")

    app.mount("/static", StaticFiles(directory=str(STATIC)), name="static")


def _page(name: str) -> HTMLResponse:
    return HTMLResponse((STATIC / name).read_text("utf-8"), headers={"Cache-Control": "no-cache"})
