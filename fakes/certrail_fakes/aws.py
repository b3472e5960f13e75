"""One AWS account with the services that destinations reach: ACM, Secrets Manager, IAM, load balancers, STS."""

from typing import Any

import boto3
from botocore.config import Config

from certrail_fakes.acm import AcmServer
from certrail_fakes.aws_elbv2 import Elbv2
from certrail_fakes.aws_iam import Iam
from certrail_fakes.aws_secrets_manager import SecretsManager


class AwsServer(AcmServer):
    """ACM's server with further services of the account; each is told by the scope of the request's signature."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.secrets = SecretsManager(self._state, self.account_id)
        self.iam = Iam(self._state, self.account_id)
        self.elbv2 = Elbv2(self._state, self.account_id, self._exists)
        self._front.services |= {
            "secretsmanager": self.secrets,
            "iam": self.iam,
            "elasticloadbalancing": self.elbv2,
        }

    def client(self, service: str, **changes: Any) -> Any:
        """boto3's client of a service, as the owner of the account has it; ``changes`` such as ``region_name``."""
        options = {
            "region_name": self.region,
            "endpoint_url": self.url,
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
            "config": Config(retries={"total_max_attempts": 1}),
        }
        return boto3.client(service, **(options | changes))

    def connection(self, **changes: Any) -> dict[str, Any]:
        """The fields of a connection that every destination takes."""
        return {
            "region": self.region,
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
        } | changes

    def reset(self) -> None:
        """Forget everything of every service."""
        super().reset()
        for service in self._front.services.values():
            service.clear()

    def _exists(self, region: str, arn: str) -> bool:
        """Whether there is such a certificate, in ACM of the region or in IAM."""
        return self._front.storage.leaf(region, arn) is not None or any(
            arn == one.arn for one in self.iam.certificates.values()
        )
