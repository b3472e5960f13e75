"""What workflows are found by in Temporal's UI: slugs and ids only, as Temporal stores search attributes in clear."""

import logging

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from certrail_workflows import policies

log = logging.getLogger(__name__)

APPLICATION = SearchAttributeKey.for_keyword("certrailApplication")
LINEAGE = SearchAttributeKey.for_keyword("certrailLineage")
KIND = SearchAttributeKey.for_keyword("certrailKind")
NAMES = tuple(key.name for key in (APPLICATION, LINEAGE, KIND))
"""Three of the ten keyword attributes that a namespace holds."""
_NOT_OURS_TO_CREATE = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED})


async def ensure_search_attributes(client: Client) -> bool:
    """Create those of the attributes that the namespace has not.

    Returns:
        Whether the namespace has all of them. Without, workflows are started without attributes: a cluster that lets
        nobody create them, and the test server that skips time, run workflows all the same.

    Raises:
        RPCError: try again later.
    """
    service, timeout = client.operator_service, policies.RPC_TIMEOUT
    try:
        found = await service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace), timeout=timeout
        )
        if not (missing := [name for name in NAMES if name not in found.custom_attributes]):
            return True
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        await service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace, search_attributes=dict.fromkeys(missing, keyword)
            ),
            timeout=timeout,
        )
    except RPCError as error:
        if error.status == RPCStatusCode.ALREADY_EXISTS:  # another process was faster
            return True
        if error.status not in _NOT_OURS_TO_CREATE:
            raise
        log.warning(
            "workflows cannot be found by Application in Temporal: create the keyword search attributes %s in the"
            " namespace %s, then restart (%s)",
            ", ".join(NAMES),
            client.namespace,
            error.message,
        )
        return False
    return True


def search_attributes(
    kind: str, application: str | None, lineage_id: str | None = None
) -> TypedSearchAttributes:
    """Of one workflow.

    Args:
        application: slug of the Application that it belongs to.
    """
    values = ((APPLICATION, application), (LINEAGE, lineage_id), (KIND, kind))
    return TypedSearchAttributes([SearchAttributePair(key, value) for key, value in values if value])
