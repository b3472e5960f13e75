"""Replayed code: it decides and waits, and leaves everything else to activities."""

from certrail_workflows.flows.approval_message import ApprovalMessageWorkflow
from certrail_workflows.flows.crl_mirror import CrlMirrorWorkflow
from certrail_workflows.flows.delivery import DeliveryWorkflow
from certrail_workflows.flows.issuance import IssuanceWorkflow
from certrail_workflows.flows.notification import NotificationWorkflow
from certrail_workflows.flows.outbox_sweep import OutboxSweepWorkflow
from certrail_workflows.flows.sweep import SweepWorkflow

FLOWS: tuple[type, ...] = (
    IssuanceWorkflow,
    DeliveryWorkflow,
    NotificationWorkflow,
    ApprovalMessageWorkflow,
    CrlMirrorWorkflow,
    OutboxSweepWorkflow,
    SweepWorkflow,
)

__all__ = [
    "FLOWS",
    "ApprovalMessageWorkflow",
    "CrlMirrorWorkflow",
    "DeliveryWorkflow",
    "IssuanceWorkflow",
    "NotificationWorkflow",
    "OutboxSweepWorkflow",
    "SweepWorkflow",
]
