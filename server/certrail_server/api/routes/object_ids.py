"""Ids by their beginning."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from certrail.domain.access import Permission
from certrail.services.operations.object_ids import SHORTEST
from certrail_server.api.guard import Call, allow
from certrail_server.api.schemas.base import Id, Listing, Out

router = APIRouter(tags=["access"])


class ObjectIdOut(Out):
    """One object with such an id."""

    kind: str = Field(description="Kind of the object, such as `certificate` or `delivery`.")
    id: Id = Field(description="Its whole id.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")


class ObjectIdList(Listing[ObjectIdOut]):
    """All objects with such an id that the caller may read, at most 20 of a kind; give more digits to see fewer."""


@router.get("/object-ids")
def list_object_ids(
    call: Annotated[Call, allow(Permission.TOKEN_SELF)],
    prefix: Annotated[
        str,
        Query(
            pattern=r"^[0-9a-f]+$",
            min_length=SHORTEST,
            max_length=32,
            description="Lower-case hexadecimal digits.",
        ),
    ],
) -> ObjectIdList:
    """Certificates, requests of both kinds, approvals, deliveries, retirements, incidents, notifications by prefix."""
    found = call.services.object_ids.beginning(call.actor, prefix)
    return ObjectIdList(items=[ObjectIdOut.of(row) for row in found])
