"""The composition root: the only place that sees every floor of the house."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from certrail.crypto.keyring import Keyring, KeyringError
from certrail.persistence.database import Database
from certrail.plugins.registry import PluginRegistry
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.facade import Services
from certrail_server.settings import Settings
from certrail_workflows.client import TemporalOrchestrator

if TYPE_CHECKING:
    from fastapi import FastAPI


@dataclass(frozen=True)
class App:
    """Everything a process needs, joined."""

    settings: Settings
    services: Services
    orchestrator: TemporalOrchestrator

    @property
    def context(self) -> ServiceContext:
        """What the services share."""
        return self.services.context

    @property
    def address(self) -> str:
        """Where Temporal is expected."""
        return self.settings.temporal()

    def http(self) -> "FastAPI":
        """The HTTP application."""
        # Imported here: a third of the start of every worker and command, which serve no HTTP.
        from certrail_server.api.app import create_app  # noqa: PLC0415
        from certrail_server.api.sign_in import SignIn  # noqa: PLC0415

        sign_in = SignIn(self.settings, self.context.keyring) if self.settings.oidc_issuer else None
        return create_app(self.services, self.orchestrator, sign_in)


def build(settings: Settings, *, make_keyring: bool = True) -> App:
    """Join the parts that the settings name. Raises KeyringError."""
    keyring = load_keyring(settings, make=make_keyring)
    if (file := settings.database_file()) is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    context = ServiceContext(
        db=Database(settings.database()),
        keyring=keyring,
        plugins=PluginRegistry.discover(settings.disabled_plugins),
        clock=lambda: datetime.now(UTC),
        new_id=lambda: uuid.uuid4().hex,
        public_url=settings.public_url,
    )
    orchestrator = TemporalOrchestrator(
        address=settings.temporal(),
        namespace=settings.temporal_namespace,
        keyring=keyring,
        summaries=settings.temporal_summaries,
    )
    return App(settings, Services.build(context), orchestrator)


def load_keyring(settings: Settings, *, make: bool = True) -> Keyring:
    """The keyring given as text, or that of the file; a data folder without one gets a new one.

    Args:
        make: whether it may get one. A new keyring beside data that an older one sealed would open none of it.

    Raises:
        KeyringError: there is none, or it cannot be used.
    """
    if settings.keyring is not None:
        return Keyring.from_text(settings.keyring.get_secret_value())
    path: Path = settings.keyring_path()
    if not path.exists():
        if not make:
            raise KeyringError(
                f"There is no keyring at {path.resolve()}: restore the keyring that sealed the data here, or set"
                " CERTRAIL_KEYRING_FILE / CERTRAIL_KEYRING."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        Keyring.generate().save(path)
    return Keyring.load(path)
