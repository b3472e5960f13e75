"""`docker compose` for whoever follows a page: what it would ask of containers is done with processes."""

import json
import shutil
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from examples.demo.installation import until
from tests.support.composed import KEYS, OURS, SERVICES, Composed

# No imports but these: it is started for every command.
CALLER = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({path!r})
    given = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    asked.sendall(json.dumps([sys.argv[1:], os.getcwd(), "POSTGRES_PASSWORD" in os.environ, given]).encode())
    asked.shutdown(socket.SHUT_WR)
    code, printed, trouble = json.loads(asked.makefile().read())
sys.stdout.buffer.write(printed.encode("utf-8", "surrogateescape"))
sys.stderr.write(trouble)
sys.exit(code)
"""
Ended = tuple[int, str, str]
"""Exit code, standard output, standard error; bytes that are no text are surrogates."""


class Docker:
    """Knows the verbs that the pages use, and refuses others.

    Attributes:
        printed: by the commands that were run in a service, newest last.
    """

    def __init__(self, composed: Composed) -> None:
        self._composed = composed
        self._given = b""
        self.printed: list[tuple[list[str], str]] = []
        self._verbs: dict[str, Callable[[list[str], Path], Ended]] = {
            "up": self._up,
            "exec": self._exec,
            "run": self._run,
            "cp": self._cp,
            "stop": self._stop,
        }

    def __call__(self, words: list[str], folder: Path, given: str = "") -> Ended:
        """Do what `docker WORDS`, typed in that folder with this on standard input, asks for."""
        program, verb, *rest = words
        self._given = given.encode("utf-8", "surrogateescape")
        if program != "compose" or verb not in self._verbs:
            return 125, "", f"docker: unknown command: {words}\n"
        return self._verbs[verb](rest, folder)

    def _up(self, words: list[str], _folder: Path) -> Ended:
        assert set(words) == {"--build", "--detach", "--wait"}, words
        done = self._composed.run("migrate", *SERVICES["migrate"]["command"])
        if done.returncode:
            return 1, "", f"service migrate didn't complete successfully:\n{done.stderr}"
        staying = sorted(OURS - {"migrate"})
        for service in staying:
            if not self._composed.runs(service):
                self._composed.start(service)
        for service in staying:
            until(lambda service=service: self._composed.is_healthy(service), f"{service} to be healthy")  # type: ignore[misc]
        return 0, "", ""

    def _exec(self, words: list[str], _folder: Path) -> Ended:
        service, program, *command = (word for word in words if word != "--no-TTY")
        if not self._composed.runs(service):
            return 1, "", f'service "{service}" is not running\n'
        assert program == "certrail", words
        return self._in(service, command)

    def _run(self, words: list[str], _folder: Path) -> Ended:
        option, service, *command = words
        assert option == "--rm", words
        return self._in(service, command)

    def _in(self, service: str, command: Sequence[str]) -> Ended:
        done = self._composed.run(service, *command, given=self._given)
        self.printed.append(([*command], done.stdout))
        return done.returncode, done.stdout, done.stderr

    def _cp(self, words: list[str], folder: Path) -> Ended:
        source, target = words
        shutil.copy(self._composed.keys / Path(source.partition(":")[2]).relative_to(KEYS), folder / target)
        return 0, "", ""

    def _stop(self, words: list[str], _folder: Path) -> Ended:
        self._composed.stop(*words)
        return 0, "", ""


@contextmanager
def answering(command: Path, docker: Docker) -> Iterator[None]:
    """Let ``command`` be `docker` for as long as this lasts; its folder has a short name."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            words, folder, has_password, given = json.loads(self.rfile.read())
            if has_password:
                ended = docker(words, Path(folder), given)
            else:
                ended = (
                    1,
                    "",
                    "required variable POSTGRES_PASSWORD is missing a value: set POSTGRES_PASSWORD\n",
                )
            self.wfile.write(json.dumps(ended).encode())

    path = str(command.parent / "asked")
    with socketserver.UnixStreamServer(path, Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            command.write_text(CALLER.format(python=sys.executable, path=path))
            command.chmod(0o755)
            yield
        finally:
            server.shutdown()
            thread.join()
