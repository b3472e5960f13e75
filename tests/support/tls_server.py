"""A service that presents a certificate: over TLS at once, or after the words of another protocol."""

import asyncio
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.serialization import load_pem_private_key


class TlsServer:
    """On a port of the loopback interface, in a thread of its own.

    Args:
        folder: for the PEM files that the ssl module reads.
        protocol: ``tls``, ``imap`` or ``postgresql``; ``silent`` for a service that never answers.
    """

    def __init__(self, folder: Path, protocol: str = "tls", host: str = "127.0.0.1") -> None:
        self.port = 0
        self.host = host
        self.connections = 0
        self.names: list[str | None] = []
        """What clients named in SNI."""
        self._folder, self._protocol = folder, protocol
        self._context: ssl.SSLContext | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def present(self, certificate: str, chain: str, key: str) -> None:
        """Present this certificate from now on; PEM."""
        load_pem_private_key(key.encode(), None)
        (self._folder / "presented.pem").write_text(certificate + chain)
        (self._folder / "key.pem").write_text(key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / "presented.pem", self._folder / "key.pem")
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._context = context

    def __enter__(self) -> Self:
        self._thread.start()
        starts = asyncio.start_server(self._served, self.host, self.port)
        self._server = asyncio.run_coroutine_threadsafe(starts, self._loop).result(5)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._ended(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _ended(self) -> None:
        self._server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if self._protocol == "silent":
                await reader.read()
            elif self._context is not None and await self._agreed(reader, writer):
                await writer.start_tls(self._context)
                await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _agreed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if self._protocol == "imap":
            writer.write(b"* OK [CAPABILITY IMAP4rev2 STARTTLS] ready\r\n")
            if (await reader.readline()).split()[1:] != [b"STARTTLS"]:
                return False
            writer.write(b"* CAPABILITY IMAP4rev2\r\na1 OK begin\r\n")
        elif self._protocol == "postgresql":
            if await reader.readexactly(8) != bytes.fromhex("0000000804d2162f"):
                return False
            writer.write(b"S")
        return True
