"""The conformance kit: subclass a class, give it fixtures, and every rule of the contract is checked."""

from certrail_sdk.testing.destination import DestinationConformance
from certrail_sdk.testing.material import make_deployment, make_notification, make_question, renewed
from certrail_sdk.testing.notifier import InteractiveConformance, NotifierConformance

__all__ = [
    "DestinationConformance",
    "InteractiveConformance",
    "NotifierConformance",
    "make_deployment",
    "make_notification",
    "make_question",
    "renewed",
]
