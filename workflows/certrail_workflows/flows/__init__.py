"""Replayed code: it decides and waits, and leaves everything else to activities."""

from certrail_workflows.flows.delivery import DeliveryFlow
from certrail_workflows.flows.issuance import IssuanceFlow
from certrail_workflows.flows.notification import NotificationFlow
from certrail_workflows.flows.outbox_sweep import OutboxSweepFlow
from certrail_workflows.flows.question import QuestionFlow
from certrail_workflows.flows.sweep import SweepFlow

FLOWS: tuple[type, ...] = (
    IssuanceFlow,
    DeliveryFlow,
    NotificationFlow,
    QuestionFlow,
    OutboxSweepFlow,
    SweepFlow,
)

__all__ = [
    "FLOWS",
    "DeliveryFlow",
    "IssuanceFlow",
    "NotificationFlow",
    "OutboxSweepFlow",
    "QuestionFlow",
    "SweepFlow",
]
