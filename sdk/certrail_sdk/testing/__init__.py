"""The conformance kit: subclass a class, give it fixtures, and every rule of the contract is checked."""

import certrail_pytest  # noqa: F401  first: it has the assertions of the modules below rewritten
from certrail_sdk.testing.deliveries import uncertain, with_receipt
from certrail_sdk.testing.destination import DestinationConformance
from certrail_sdk.testing.material import (
    make_bundle,
    make_deployment,
    make_notification,
    make_question,
    renewed,
)
from certrail_sdk.testing.memory import InMemoryDestination, InMemoryNotifier
from certrail_sdk.testing.notifier import InteractiveConformance, NotifierConformance

__all__ = [
    "DestinationConformance",
    "InMemoryDestination",
    "InMemoryNotifier",
    "InteractiveConformance",
    "NotifierConformance",
    "make_bundle",
    "make_deployment",
    "make_notification",
    "make_question",
    "renewed",
    "uncertain",
    "with_receipt",
]
