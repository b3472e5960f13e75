"""The vendor's client for one call, and its errors by what must be done about them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import hvac
import requests
from hvac import exceptions as vault

from certrail_destination_vault_kv.config import VaultKvConfig
from certrail_sdk import (
    ConcurrentModification,
    Errors,
    Misconfigured,
    NotFound,
    Permanent,
    PluginError,
    RateLimited,
    Retryable,
    Unauthorized,
    scrubbed,
)

SECONDS = 10


def opened(config: VaultKvConfig) -> Any:
    """hvac's client of the KV engine, signed in. Blocks; nothing of it is kept."""
    session = requests.Session()
    session.trust_env = False
    client = hvac.Client(
        url=config.url.rstrip("/"),
        namespace=config.namespace,
        verify=config.ca_file or True,
        timeout=SECONDS,
        session=session,
        allow_redirects=False,
    )
    if config.token:
        client.token = config.token.get_secret_value()
    elif config.role_id and config.secret_id:
        client.auth.approle.login(role_id=config.role_id, secret_id=config.secret_id.get_secret_value())
    return client.secrets.kv.v2


def errors(config: VaultKvConfig) -> Errors:
    """What each error of hvac and of requests asks the engine to do."""
    return {
        vault.Forbidden: Unauthorized,
        vault.Unauthorized: Unauthorized,
        vault.RateLimitExceeded: RateLimited,
        vault.InvalidPath: NotFound,
        vault.InvalidRequest: _invalid,
        vault.VaultError: _unknown,
        requests.exceptions.SSLError: lambda _: Misconfigured(
            "ca_file", "the server's certificate is refused"
        ),
        requests.RequestException: lambda error: Retryable(
            f"{config.host} gave no answer: {type(error).__name__}"
        ),
    }


@dataclass
class Deleted:
    """A secret without data."""

    version: int = 0


@contextmanager
def version_of_deleted() -> Iterator[Deleted]:
    """Turn the error for a missing secret, or for one whose newest version is deleted, into that version's number."""
    found = Deleted()
    try:
        yield found
    except vault.InvalidPath as error:
        answer = error.json if isinstance(error.json, dict) else {}
        metadata = (answer.get("data") or {}).get("metadata") or {}
        found.version = int(metadata.get("version", 0))


def _invalid(error: vault.InvalidRequest) -> PluginError:
    said = scrubbed(str(error.errors or error.text or ""))
    if "check-and-set" in said:
        return ConcurrentModification("somebody wrote the secret at the same time")
    # The answer to a role id or secret id that is not known, or not any more.
    if "role" in said or "secret id" in said:
        return Unauthorized(f"AppRole: {said}")
    return Permanent(said or "the server refuses the request")


def _unknown(error: vault.VaultError) -> PluginError:
    """5xx, a sealed server and what else hvac has no class for."""
    return Retryable(f"{type(error).__name__}: {scrubbed(str(error))}")
