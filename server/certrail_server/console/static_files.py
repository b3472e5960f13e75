"""Style sheets, scripts and pictures: read once, and named by their content, so that browsers may keep them."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from certrail.domain.errors import NotFound

router = APIRouter(prefix="/console/static", include_in_schema=False)

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class _File:
    content: bytes
    packed: bytes
    version: str
    media_type: str


@cache
def _known() -> dict[str, _File]:
    found = {}
    for path in (files("certrail_server.console") / "static").iterdir():
        media_type = MEDIA_TYPES.get("." + path.name.rpartition(".")[2])
        if media_type is not None:
            content = path.read_bytes()
            version = hashlib.sha256(content).hexdigest()[:12]
            found[path.name] = _File(content, gzip.compress(content, mtime=0), version, media_type)
    return found


def static_url(name: str) -> str:
    """The address of a file. Raises KeyError for one that there is not."""
    return f"/console/static/{_known()[name].version}/{name}"


@router.get("/{version}/{name}")
def get_static_file(request: Request, version: str, name: str) -> Response:
    """A file as it is in this version of certrail."""
    found = _known().get(name)
    if found is None or found.version != version:
        raise NotFound("file")
    headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.packed, media_type=found.media_type, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)
