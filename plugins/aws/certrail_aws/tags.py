"""The mark on our objects: tags, which every service here lists as ``[{"Key": ..., "Value": ...}]``."""

from collections.abc import Iterable, Mapping

from certrail_sdk import Deployment

DELIVERY_TAG = "certrail:delivery"


def tags_of(deployment: Deployment) -> list[dict[str, str]]:
    """The tags of a new object."""
    values = {
        "Name": deployment.name,
        DELIVERY_TAG: deployment.delivery,
        "certrail:lineage": deployment.lineage,
        "certrail:application": deployment.application,
        "certrail:managed": "true",
    }
    return [{"Key": key, "Value": value} for key, value in values.items()]


def delivery_of(tags: Iterable[Mapping[str, str]] | None) -> str | None:
    """The delivery whose object it is; ``None`` where somebody else made it."""
    return next((tag.get("Value") for tag in tags or () if tag["Key"] == DELIVERY_TAG), None)
