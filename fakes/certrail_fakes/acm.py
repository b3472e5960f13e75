"""A stand-in for AWS Certificate Manager: moto behind a front as strict as AWS documents itself."""

import argparse
import secrets
import threading
from typing import Any, Self

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from certrail_fakes.acm_control import Controlled
from certrail_fakes.acm_front import AcmFront
from certrail_fakes.acm_state import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Call, Settings, State
from certrail_fakes.acm_storage import Storage, Stored


class AcmServer:
    """Serves one AWS account of its own on 127.0.0.1.

    ``settings`` holds the faults and limits (set attributes of it, or use ``configure`` to wake held
    imports); ``calls`` and ``count`` tell what was asked, ``certificates`` what is stored.
    """

    access_key_id = ACCESS_KEY_ID
    secret_access_key = SECRET_ACCESS_KEY
    region = "eu-central-1"

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._state = State()
        self._front = AcmFront(self._state, Storage(str(10**11 + secrets.randbelow(9 * 10**11))))
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens; give it to boto3 as ``endpoint_url``."""
        assert self._server is not None, "start() it first"
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def account_id(self) -> str:
        """The account that every caller belongs to."""
        return self._front.storage.account_id

    @property
    def settings(self) -> Settings:
        """The knobs."""
        return self._state.settings

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call so far, in the order of the answers."""
        return tuple(self._state.calls)

    def start(self) -> Self:
        """Listen."""
        app = Controlled(self._front)
        self._server = make_server("127.0.0.1", self._port, app, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Let go of what is held and stop listening."""
        self.release()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def configure(self, **knobs: Any) -> None:
        """Set knobs of ``Settings`` by name."""
        self._state.configure(knobs)

    def hold(self, where: str = "after") -> None:
        """Hold imports: their answers (``after``) or the imports themselves (``before``)."""
        self._state.configure({"hold": where})

    def wait_until_held(self, timeout: float = 60) -> bool:
        """Wait until an import stands at the gate."""
        return self._state.wait_until_held(timeout)

    def wait_for_call(self, action: str, outcome: str = "ok", timeout: float = 60) -> bool:
        """Wait until a call of this action ended with this outcome."""
        return self._state.wait_for_call(action, outcome, timeout)

    def release(self) -> None:
        """Open the gate."""
        self._state.configure({"hold": ""})

    def reset(self) -> None:
        """Forget certificates, calls and settings."""
        self._state.reset()
        self._front.storage.clear()

    def count(self, action: str, outcome: str | None = None) -> int:
        """How many calls there were of an action, of one outcome if given."""
        return self._state.count(action, outcome)

    def texts(self) -> dict[str, str]:
        """The same as texts by ARN: leaf, chain, key and tags."""
        return self._front.storage.texts()

    def certificates(self) -> list[Stored]:
        """What the account holds, in every region."""
        return self._front.storage.all()


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: the calls are kept in the log of the stand-in."""


def main() -> None:
    """Serve until interrupted; print the URL when ready."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    server = AcmServer(parser.parse_args().port).start()
    print(server.url, flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
