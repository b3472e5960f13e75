"""Synchronous issuance: in the transaction of the vote that decides, as its workflow has nothing to wait for."""

import logging

from sqlalchemy.exc import InterfaceError, OperationalError

from certrail.domain.content import KeyAlgorithm, RequestContent
from certrail.domain.states import RequestStatus
from certrail.persistence.tables import CertificateRequest
from certrail.services.core.failure import place
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.issuance.issuance import Issuance

log = logging.getLogger(__name__)


def issue_approved(uow: UnitOfWork, row: CertificateRequest) -> None:
    """Issue a request that was approved in this transaction; the caller has locked it.

    Whatever stands in the way undoes nothing but this: the vote counts, and the request's workflow, which is signalled
    by the same commit, tries again and records why it cannot be issued.
    """
    if row.status != RequestStatus.APPROVED or _takes_long(row):
        return
    try:
        with uow.attempt():
            Issuance(uow.context).issue(uow, row)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.info("request %s is left to its workflow: %s at %s", row.id, type(error).__name__, place(error))


def _takes_long(row: CertificateRequest) -> bool:
    """Whether an RSA key has to be generated: that takes up to seconds, and others wait for the locks."""
    content = RequestContent.model_validate(row.content)
    if content.csr or row.same_key:
        return False
    return content.key_algorithm in (KeyAlgorithm.RSA_2048, KeyAlgorithm.RSA_3072, KeyAlgorithm.RSA_4096)
