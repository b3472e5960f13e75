"""One TLS secret per certificate, by server-side apply: never forced, so that no other manager's field is replaced."""

from base64 import b64decode, b64encode
from typing import Any

from pydantic import SecretStr

from certrail_destination_kubernetes_secret.config import KubernetesConfig
from certrail_sdk import ConcurrentModification, Deployment, NotFound, Permanent, pem
from certrail_sdk.http import Endpoint, request_json
from certrail_sdk.named import Found, NamedDestination

MARK = "certrail/delivery"
OWNED_BY_ANOTHER = "Apply failed with"
"""How the API server begins to say which manager owns which field; its other 409 is about the version."""


class KubernetesSecret(NamedDestination[KubernetesConfig]):
    """Keeps each certificate with chain and key as a secret of the type kubernetes.io/tls."""

    name = "kubernetes-secret"
    title = "Kubernetes secret"
    connection_type = "kubernetes"
    name_pattern = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
    name_length = 253
    default_name_schema = "certrail-{{certificate_id}}"

    def reference(self, name: str) -> str:
        """The URL of the secret."""
        return self._at(name).url

    async def find(self, name: str) -> Found | None:
        """Read the secret."""
        try:
            secret = await self._call("GET", self._at(name))
        except NotFound:
            return None
        data = secret.get("data") or {}
        texts = (b64decode(data.get(part, "")).decode("utf-8", "replace") for part in ("tls.crt", "tls.key"))
        seen = {part: secret["metadata"][part] for part in ("uid", "resourceVersion")}
        return Found.of_pem((secret["metadata"].get("annotations") or {}).get(MARK), "".join(texts), seen)

    async def put(self, name: str, deployment: Deployment, key: SecretStr, found: Found | None) -> None:
        """Apply the secret. With its uid and version, one that changed since the look is refused."""
        texts = {"tls.crt": pem.full_chain(deployment.bundle), "tls.key": key.get_secret_value()}
        metadata = {
            "name": name,
            "labels": {"app.kubernetes.io/managed-by": "certrail"},
            "annotations": {MARK: deployment.delivery, "certrail/application": deployment.application},
            **(found.raw if found else {}),
        }
        secret = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata}
        data = {part: b64encode(text.encode()).decode() for part, text in texts.items()}
        at, media = self._at(name, fieldManager="certrail"), "application/apply-patch+yaml"
        await self._call("PATCH", at, secret | {"data": data}, {"Content-Type": media})

    async def drop(self, name: str, found: Found) -> None:
        """Delete just the secret that was found."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": found.raw}
        await self._call("DELETE", self._at(name), options)

    async def _call(
        self, method: str, at: Endpoint, document: Any = None, media: dict[str, str] | None = None
    ) -> Any:
        token = {"Authorization": f"Bearer {self.config.token.get_secret_value()}"}
        try:
            return await request_json(at, method, document, token | (media or {}))
        except ConcurrentModification as error:
            if OWNED_BY_ANOTHER not in error.body:
                raise
            refusal = f"Another manager owns fields of the secret: {error}"
        action = "Have the manager that is named give these fields up, or delete the secret; then retry."
        raise Permanent(refusal, action=action)

    def _at(self, name: str, **query: str) -> Endpoint:
        return self.config.at("api", "v1", "namespaces", self.config.namespace, "secrets", name, query=query)
