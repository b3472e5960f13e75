"""What follows for the renewal schedule when a profile changes."""

from certrail.domain.events.catalog import ProfileUpdated
from certrail.persistence.tables import EventRow
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.inventory.renewal_schedule import replan


def profile_updated(uow: UnitOfWork, event: ProfileUpdated, _row: EventRow) -> None:
    """Schedule renewals in the legacy scope anew when the profile's own renewal rule changed."""
    before, after = (facts["legacy_enrollment"] or {} for facts in (event.before, event.after))
    if before.get("api") != after.get("api"):
        replan(uow, None, event.subject_id)
