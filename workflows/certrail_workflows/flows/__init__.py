"""Replayed code: it decides and waits, and leaves everything else to activities."""

from certrail_workflows.flows.delivery import DeliveryFlow
from certrail_workflows.flows.issuance import IssuanceFlow
from certrail_workflows.flows.mirror import MirrorFlow
from certrail_workflows.flows.notification import NotificationFlow
from certrail_workflows.flows.outbox_sweep import OutboxSweepFlow
from certrail_workflows.flows.question import QuestionFlow
from certrail_workflows.flows.sweep import SweepFlow

FLOWS: tuple[type, ...] = (
    IssuanceFlow,
    DeliveryFlow,
    NotificationFlow,
    QuestionFlow,
    MirrorFlow,
    OutboxSweepFlow,
    SweepFlow,
)

__all__ = [
    "FLOWS",
    "DeliveryFlow",
    "IssuanceFlow",
    "MirrorFlow",
    "NotificationFlow",
    "OutboxSweepFlow",
    "QuestionFlow",
    "SweepFlow",
]
