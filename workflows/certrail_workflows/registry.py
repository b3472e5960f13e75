"""Every workflow there is. Apart from the flows' package, or the sandbox would load all of them for each one."""

from certrail_workflows.flows.approval_message import ApprovalMessageWorkflow
from certrail_workflows.flows.crl_mirror import CrlMirrorWorkflow
from certrail_workflows.flows.delivery import DeliveryWorkflow
from certrail_workflows.flows.delivery_batch import DeliveryBatchWorkflow
from certrail_workflows.flows.issuance import IssuanceWorkflow
from certrail_workflows.flows.issuance_batch import IssuanceBatchWorkflow
from certrail_workflows.flows.notification import NotificationWorkflow
from certrail_workflows.flows.renewal import RenewalWorkflow
from certrail_workflows.flows.revocation import RevocationWorkflow
from certrail_workflows.flows.sweep import SweepWorkflow
from certrail_workflows.flows.validation import ValidationWorkflow

WORKFLOWS: tuple[type, ...] = (
    IssuanceWorkflow,
    IssuanceBatchWorkflow,
    RevocationWorkflow,
    RenewalWorkflow,
    ValidationWorkflow,
    DeliveryWorkflow,
    DeliveryBatchWorkflow,
    NotificationWorkflow,
    ApprovalMessageWorkflow,
    CrlMirrorWorkflow,
    SweepWorkflow,
)
