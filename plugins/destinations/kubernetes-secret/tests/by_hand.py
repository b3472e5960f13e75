"""What a person with all rights does to secrets, through another client of Kubernetes: lightkube."""

from dataclasses import dataclass
from typing import Any

from lightkube import Client, KubeConfig
from lightkube.config.models import Cluster, User
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Secret
from lightkube.types import PatchType

from certrail_fakes.kubernetes import KubernetesApi
from certrail_sdk import Bundle


@dataclass(frozen=True)
class Person:
    """Somebody whose field manager is `person`."""

    cluster: KubernetesApi

    @property
    def client(self) -> Client:
        """lightkube's, which trusts the fake's CA only."""
        place = Cluster(server=self.cluster.url, certificate_auth=self.cluster.ca_file)
        config = KubeConfig.from_one(cluster=place, user=User(token=self.cluster.admin))
        return Client(config, namespace="web", field_manager="person", trust_env=False)

    def creates(self, name: str, bundle: Bundle) -> None:
        """A TLS secret without any mark."""
        assert bundle.private_key
        texts = {"tls.crt": bundle.certificate, "tls.key": bundle.private_key.get_secret_value()}
        self.client.create(Secret(metadata=ObjectMeta(name=name), type="kubernetes.io/tls", stringData=texts))

    def merges(self, name: str, change: dict[str, Any]) -> None:
        """A merge patch, as `kubectl patch --type merge` sends it."""
        self.client.patch(Secret, name, change, patch_type=PatchType.MERGE)
