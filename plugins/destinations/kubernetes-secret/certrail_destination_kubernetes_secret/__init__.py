"""Certificates as TLS secrets of Kubernetes."""

from typing import Any

from certrail_destination_kubernetes_secret.config import KubernetesConfig
from certrail_destination_kubernetes_secret.destination import KubernetesSecret
from certrail_sdk import Destination, hookimpl

__all__ = ["KubernetesConfig", "KubernetesSecret"]


@hookimpl
def certrail_destinations() -> list[type[Destination[Any]]]:
    """The destinations of this distribution."""
    return [KubernetesSecret]
