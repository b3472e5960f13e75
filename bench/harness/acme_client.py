"""An ACME client (RFC 8555) that costs little on the cores that it shares with the servers it measures.

Each name is shown by DNS-01. One account and one key for all CSRs; a POST that is refused its nonce is sent again.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable
from typing import Any

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding

from certrail.crypto import base64url

POLL_SECONDS, MOST_POLLS = 0.02, 3000
PATIENCE_SECONDS = 60
JOSE = {"Content-Type": "application/jose+json"}
Json = dict[str, Any]
SetRecord = Callable[[str, str], None]
"""Sets the TXT record of a name."""


class AcmeSession:
    """One account at one server."""

    def __init__(self, directory: str, set_record: SetRecord) -> None:
        self._url, self._set_record = directory, set_record
        self._key, self._csr_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        numbers = self._key.public_key().public_numbers()
        x, y = (base64url.encode(number.to_bytes(32)) for number in (numbers.x, numbers.y))
        self._jwk = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
        canonical = json.dumps(self._jwk, separators=(",", ":"), sort_keys=True)
        self._thumbprint = base64url.encode(hashlib.sha256(canonical.encode()).digest())
        self._nonces: list[str] = []
        self._account = ""
        self._directory: Json = {}
        self._http: aiohttp.ClientSession

    async def open(self) -> None:
        """Register the account. A server's certificate is not verified: Pebble's is made for the run."""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=False, limit=0),
            timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS),
        )
        async with self._http.get(self._url) as answer:
            self._directory = await answer.json(content_type=None)
        new = {"termsOfServiceAgreed": True, "contact": ["mailto:bench@example.com"]}
        headers, _ = await self._post(self._directory["newAccount"], new)
        self._account = headers["Location"]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def certificate(self, name: str) -> str:
        """Order, show, finalize and download; returns the chain."""
        order = {"identifiers": [{"type": "dns", "value": name}]}
        headers, text = await self._post(self._directory["newOrder"], order)
        url, made = headers["Location"], json.loads(text)
        for authorization in made["authorizations"]:
            await self._show(authorization, name)
        der = self._csr(name)
        await self._post(made["finalize"], {"csr": base64url.encode(der)})
        made = await self._until(url, "valid")
        _, chain = await self._post(made["certificate"], None)
        return chain

    async def _show(self, url: str, name: str) -> None:
        _, text = await self._post(url, None)
        found = json.loads(text)
        if found["status"] == "valid":
            return
        challenge = next(each for each in found["challenges"] if each["type"] == "dns-01")
        proof = f"{challenge['token']}.{self._thumbprint}".encode()
        self._set_record(f"_acme-challenge.{name}", base64url.encode(hashlib.sha256(proof).digest()))
        await self._post(challenge["url"], {})
        await self._until(url, "valid")

    async def _until(self, url: str, status: str) -> Json:
        for _ in range(MOST_POLLS):
            _, text = await self._post(url, None)
            found: Json = json.loads(text)
            if found["status"] == status:
                return found
            if found["status"] == "invalid":
                raise RuntimeError(f"{url} is invalid: {text}")
            await asyncio.sleep(POLL_SECONDS)
        raise TimeoutError(f"{url} has not become {status}")

    def _csr(self, name: str) -> bytes:
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        csr = builder.add_extension(names, critical=False).sign(self._csr_key, hashes.SHA256())
        return csr.public_bytes(Encoding.DER)

    async def _post(self, url: str, payload: Json | None) -> tuple[Any, str]:
        """A signed call: headers and text of its answer. Raises RuntimeError for a refusal."""
        while True:
            body = self._signed(url, payload, await self._nonce())
            try:
                async with self._http.post(url, data=body, headers=JOSE) as answer:
                    text = await answer.text()
            except TimeoutError:
                raise TimeoutError(f"{url} was not answered within {PATIENCE_SECONDS} s") from None
            if nonce := answer.headers.get("Replay-Nonce"):
                self._nonces.append(nonce)
            if answer.ok:
                return answer.headers, text
            if "badNonce" not in text:
                raise RuntimeError(f"{url}: {answer.status} {text}")

    async def _nonce(self) -> str:
        if self._nonces:
            return self._nonces.pop()
        async with self._http.head(self._directory["newNonce"]) as answer:
            return answer.headers["Replay-Nonce"]

    def _signed(self, url: str, payload: Json | None, nonce: str) -> bytes:
        who = {"kid": self._account} if self._account else {"jwk": self._jwk}
        protected = base64url.encode(json.dumps({"alg": "ES256", "nonce": nonce, "url": url, **who}).encode())
        body = "" if payload is None else base64url.encode(json.dumps(payload).encode())
        der = self._key.sign(f"{protected}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
        signature = b"".join(number.to_bytes(32) for number in utils.decode_dss_signature(der))
        return json.dumps(
            {"protected": protected, "payload": body, "signature": base64url.encode(signature)}
        ).encode()
