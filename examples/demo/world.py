"""The outside world of the story: fakes of AWS, Azure, Slack and a mail server, and how to look inside."""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import boto3
from azure.identity import ClientSecretCredential
from azure.keyvault.certificates import CertificateClient
from azure.keyvault.secrets import SecretClient

from certrail_fakes.acm import AcmServer
from certrail_fakes.key_vault import KeyVaultServer
from certrail_fakes.slack import SlackServer
from certrail_fakes.smtp import SmtpServer

MAIL_USER, MAIL_PASSWORD = "certrail", "mail-password-of-the-demo"


@dataclass
class World:
    """Everything that certrail talks to. Each part is read back through its vendor's SDK."""

    acm: AcmServer = field(default_factory=AcmServer)
    vault: KeyVaultServer = field(default_factory=KeyVaultServer)
    slack: SlackServer = field(default_factory=SlackServer)
    mail: SmtpServer = field(
        default_factory=lambda: SmtpServer(security="starttls", credentials=(MAIL_USER, MAIL_PASSWORD))
    )

    def __enter__(self) -> Self:
        for part in (self.acm, self.vault, self.slack, self.mail):
            part.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for part in (self.mail, self.slack, self.vault, self.acm):
            part.stop()

    def aws(self) -> dict[str, Any]:
        """The configuration of a connection to AWS."""
        return {
            "region": self.acm.region,
            "access_key_id": self.acm.access_key_id,
            "secret_access_key": self.acm.secret_access_key,
            "endpoint_url": self.acm.url,
        }

    def azure(self) -> dict[str, Any]:
        """The configuration of a connection to Azure."""
        return {
            "tenant_id": self.vault.tenant_id,
            "client_id": self.vault.client_id,
            "client_secret": self.vault.client_secret,
            "vault_url": self.vault.url,
            "authority_host": self.vault.url,
            "ca_file": str(self.vault.ca_file),
        }

    def workspace(self) -> dict[str, Any]:
        """The configuration of a connection to Slack."""
        return {
            "bot_token": self.slack.token,
            "signing_secret": self.slack.signing_secret,
            "api_url": self.slack.url,
            "response_hosts": ["127.0.0.1"],
        }

    def smtp(self) -> dict[str, Any]:
        """The configuration of a connection to the mail server."""
        return {
            "host": self.mail.host,
            "port": self.mail.port,
            "security": "starttls",
            "username": MAIL_USER,
            "password": MAIL_PASSWORD,
            "ca_file": self.mail.ca_file,
        }

    def acm_client(self) -> Any:
        """AWS Certificate Manager through boto3."""
        return boto3.client(
            "acm",
            endpoint_url=self.acm.url,
            region_name=self.acm.region,
            aws_access_key_id=self.acm.access_key_id,
            aws_secret_access_key=self.acm.secret_access_key,
        )

    def certificate_client(self) -> CertificateClient:
        """Key Vault's certificates through Azure's SDK."""
        return CertificateClient(
            self.vault.url, self._credential(), connection_verify=str(self.vault.ca_file)
        )

    def secret_client(self) -> SecretClient:
        """Key Vault's secrets, which hold key and chain, through Azure's SDK."""
        return SecretClient(self.vault.url, self._credential(), connection_verify=str(self.vault.ca_file))

    def _credential(self) -> ClientSecretCredential:
        return ClientSecretCredential(
            self.vault.tenant_id,
            self.vault.client_id,
            self.vault.client_secret,
            authority=self.vault.url,
            disable_instance_discovery=True,
            connection_verify=str(self.vault.ca_file),
        )
