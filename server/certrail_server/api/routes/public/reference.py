"""The API reference in a browser: Swagger UI and Redoc, from files of this installation and nowhere else."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, HTMLResponse

from certrail.domain.errors import NotFound

router = APIRouter(include_in_schema=False)

BUNDLED = Path(str(files("fastapi_offline"))) / "static"
OWN = Path(__file__).parents[2] / "static"
ASSETS = {
    "swagger-ui-bundle.js": BUNDLED,
    "swagger-ui.css": BUNDLED,
    "redoc.standalone.js": BUNDLED,
    "swagger-start.js": OWN,
    "redoc-start.js": OWN,
}
"""What may be fetched, and where it lies; any other name is not found."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # both draw with style elements of their own; no script is inline
        "img-src 'self' data:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",  # Redoc's search
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>certrail API</title>{style}</head>
<body><div id="reference"></div>{scripts}</body>
</html>
"""


@router.get("/docs")
def get_swagger_ui() -> Response:
    """The API, to be tried out."""
    style = '<link rel="stylesheet" href="/docs/assets/swagger-ui.css">'
    return _page(style, "swagger-ui-bundle.js", "swagger-start.js")


@router.get("/redoc")
def get_redoc() -> Response:
    """The API, to be read."""
    return _page("", "redoc.standalone.js", "redoc-start.js")


@router.get("/docs/assets/{name}")
def get_asset(name: str) -> Response:
    """A script or style sheet of these pages."""
    if (folder := ASSETS.get(name)) is None:
        raise NotFound("file")
    return FileResponse(folder / name, headers={"Cache-Control": "public, max-age=3600"})


def _page(style: str, *scripts: str) -> Response:
    tags = "".join(f'<script src="/docs/assets/{name}"></script>' for name in scripts)
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
    return HTMLResponse(PAGE.format(style=style, scripts=tags), headers=headers)
