"""The composition root: the only place that sees every floor of the house."""

import os
import stat
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from certrail.crypto.keyring import Keyring, KeyringError
from certrail.persistence.database import Database
from certrail.pki.weak_keys import KeyBlocklist
from certrail.plugins.probe import ImportProbe
from certrail.plugins.registry import PluginRegistry
from certrail.services.core.audit_witness import FILE_NAME, AuditWitness
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.facade import Services
from certrail.services.integrations.plugin_names import used_distributions
from certrail_server.settings import Settings
from certrail_workflows.client import Credentials, TemporalOrchestrator

if TYPE_CHECKING:
    from fastapi import FastAPI

    from certrail_server.metrics.registry import MetricsRegistry
    from certrail_workflows.worker import Concurrency


PRIVATE = 0o700
ROOT_USER = 0
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


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

    @property
    def concurrency(self) -> "Concurrency":
        """How much a worker's process does at once."""
        # Imported here: commands and servers run no workers.
        from certrail_workflows.worker import Concurrency  # noqa: PLC0415

        chosen = self.settings
        return Concurrency(
            workflow_tasks=chosen.worker_workflow_tasks,
            activities=chosen.worker_activities,
            plugin_calls=chosen.worker_plugin_calls,
        )

    def http(self) -> "FastAPI":
        """The HTTP application."""
        # Imported here: a third of the start of every worker and command, which serve no HTTP.
        from certrail_server.api.app import create_app  # noqa: PLC0415
        from certrail_server.api.sign_in import SignIn  # noqa: PLC0415

        sign_in = SignIn(self.settings, self.context.keyring) if self.settings.oidc_issuer else None
        return create_app(self.services, self.orchestrator, sign_in, self._metrics_registry())

    def _metrics_registry(self) -> "MetricsRegistry | None":
        token = self.settings.metrics_token
        if token is None:
            return None
        from certrail_server.metrics.registry import MetricsRegistry  # noqa: PLC0415 - only a server has it

        return MetricsRegistry(self.services.metrics, token.get_secret_value())


def build(settings: Settings, *, make_keyring: bool = True) -> App:
    """Join the parts that the settings name. Raises KeyringError, BlocklistError."""
    keyring = load_keyring(settings, make=make_keyring)
    if (file := settings.database_file()) is not None:
        file.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    database = Database(settings.database())
    context = ServiceContext(
        db=database,
        keyring=keyring,
        plugins=PluginRegistry.discover(
            settings.disabled_plugins,
            ImportProbe(settings.plugin_probe_path()),
            used_distributions(database) if settings.has_data() else {},
        ),
        clock=lambda: datetime.now(UTC),
        new_id=lambda: uuid.uuid4().hex,
        public_url=settings.public_url,
        est_public_url=settings.est_public_url,
        ended_orders_kept=settings.acme_ended_orders_kept,
        audit_witness=AuditWitness(settings.data_dir / FILE_NAME, keyring) if _has_folder(settings) else None,
        probe_networks=settings.probe_networks,
        key_blocklist=KeyBlocklist(settings.key_blocklist_file) if settings.key_blocklist_file else None,
    )
    orchestrator = TemporalOrchestrator(
        address=settings.temporal(),
        namespace=settings.temporal_namespace,
        keyring=keyring,
        summaries=settings.temporal_summaries,
        credentials=_temporal_credentials(settings),
    )
    return App(settings, Services.build(context), orchestrator)


def _temporal_credentials(settings: Settings) -> Credentials:
    key = settings.temporal_api_key
    return Credentials(
        use_tls=settings.temporal_tls,
        ca_file=settings.temporal_tls_ca_file,
        certificate_file=settings.temporal_tls_certificate_file,
        key_file=settings.temporal_tls_key_file,
        api_key=key.get_secret_value() if key else None,
    )


def _has_folder(settings: Settings) -> bool:
    """Whether this host keeps data: a container with a database and keyring of its own may have no folder."""
    with suppress(OSError):
        settings.data_dir.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    return os.access(settings.data_dir, os.W_OK)


def secure_folder(folder: Path) -> None:
    """Refuse a data folder in which others may write: whoever can exchange the keyring or the database is certrail.

    Raises:
        KeyringError: it is another user's, or others may write in it.
    """
    try:
        found = folder.stat()
    except OSError:
        return
    if found.st_uid not in (ROOT_USER, os.geteuid()):
        raise KeyringError(f"The data folder {folder.resolve()} belongs to user {found.st_uid}; chown it.")
    if found.st_mode & OTHERS_WRITE:
        raise KeyringError(f"Others may write in the data folder {folder.resolve()}. Run: chmod 700 {folder}")


def load_keyring(settings: Settings, *, make: bool = True) -> Keyring:
    """The keyring given as text, or that of the file; a data folder without one gets a new one.

    Args:
        make: whether it may get one. A new keyring beside data that an older one sealed would open none of it.

    Raises:
        KeyringError: there is none, or it cannot be used.
    """
    if settings.keyring is not None:
        return Keyring.from_text(settings.keyring.get_secret_value())
    secure_folder(settings.data_dir)
    path: Path = settings.keyring_path()
    if not path.exists():
        if not make:
            raise KeyringError(
                f"There is no keyring at {path.resolve()}: restore the keyring that sealed the data here, or set"
                " CERTRAIL_KEYRING_FILE / CERTRAIL_KEYRING."
            )
        path.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        Keyring.generate().save(path)
    return Keyring.load(path)
