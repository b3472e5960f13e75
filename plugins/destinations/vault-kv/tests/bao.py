"""OpenBao with a KV engine, a policy of least privilege, and an AppRole."""

from collections.abc import Mapping
from typing import Any

from tests.support.openbao import Provider

from certrail_destination_vault_kv import VaultKv, VaultKvConfig

POLICY = """
path "secret/data/web/*" { capabilities = ["create", "read", "update"] }
path "secret/metadata/web/*" { capabilities = ["delete"] }
"""


def prepare(bao: Provider) -> Mapping[str, str]:
    """Mount a second engine, and make an AppRole with the policy of the plugin's page; its role id and secret id."""
    bao.put("/sys/mounts/other", type="kv", options={"version": "2"})
    bao.put("/sys/policies/acl/certrail", policy=POLICY)
    bao.put("/sys/auth/approle", type="approle")
    bao.put("/auth/approle/role/certrail", token_policies="certrail", token_ttl="60s")
    role = bao.root.get("/auth/approle/role/certrail/role-id").raise_for_status().json()["data"]["role_id"]
    secret = bao.put("/auth/approle/role/certrail/secret-id")["data"]["secret_id"]
    return {"role_id": role, "secret_id": secret}


def vault_kv(bao: Provider, login: Mapping[str, str], **changes: Any) -> VaultKv:
    values = {"url": bao.url, "allowed_hosts": ["127.0.0.1"], "path": "web", **login}
    return VaultKv(VaultKvConfig.parse(values | changes))


def secrets(bao: Provider, mount: str = "secret", folder: str = "web") -> dict[str, dict[str, Any]]:
    """The newest version of each secret, read with the root token."""
    listed = bao.root.request("LIST", f"/{mount}/metadata/{folder}")
    names = listed.json()["data"]["keys"] if listed.is_success else []
    found = {}
    for name in names:
        answer = bao.root.get(f"/{mount}/data/{folder}/{name}")
        if answer.is_success:
            found[f"{mount}/{name}"] = answer.json()["data"]["data"]
    return found


def empty(bao: Provider) -> None:
    """Delete every secret."""
    for mount in ("secret", "other"):
        listed = bao.root.request("LIST", f"/{mount}/metadata/web")
        for name in listed.json()["data"]["keys"] if listed.is_success else []:
            bao.root.delete(f"/{mount}/metadata/web/{name}").raise_for_status()
