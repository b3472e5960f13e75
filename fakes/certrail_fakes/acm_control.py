"""The control interface of the ACM stand-in over HTTP, for when it runs as a process of its own."""

import json
from collections.abc import Iterable
from typing import Any

from werkzeug.wrappers import Request, Response

from certrail_fakes.acm_front import AcmFront

CONTROL_PATH = "/_control"


class Controlled:
    """Answers ``/_control`` and leaves everything else to the front.

    ``GET`` shows settings, calls and certificates. ``POST`` takes a JSON object with any of ``reset``
    (true), ``set`` (knobs by name), ``release`` (true) and ``wait_until_held`` (seconds), and shows the same.
    """

    def __init__(self, front: AcmFront) -> None:
        self._front = front

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        if request.path != CONTROL_PATH:
            return self._front(environ, start_response)
        return self._control(request)(environ, start_response)

    def _control(self, request: Request) -> Response:
        try:
            if request.method == "POST":
                self._apply(json.loads(request.get_data() or b"{}"))
        except (ValueError, TimeoutError) as error:
            return _answer({"error": str(error)}, 504 if isinstance(error, TimeoutError) else 400)
        return _answer(self._front.state.snapshot() | {"certificates": self._front.storage.as_json()}, 200)

    def _apply(self, desired: dict[str, Any]) -> None:
        unknown = desired.keys() - {"reset", "set", "release", "wait_until_held"}
        if unknown:
            raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
        state = self._front.state
        if desired.get("reset"):
            state.reset()
            self._front.storage.clear()
        state.configure(desired.get("set") or {})
        if desired.get("release"):
            state.configure({"hold": ""})
        if "wait_until_held" in desired and not state.wait_until_held(float(desired["wait_until_held"])):
            raise TimeoutError("no import came to the gate in time")


def _answer(value: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(value), status, mimetype="application/json")
