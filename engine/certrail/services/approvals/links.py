"""Where an approval is read and voted on."""

from certrail.services.core.unit_of_work import ServiceContext


def approval_link(context: ServiceContext, approval_id: str) -> str | None:
    """The address of its page; ``None`` where the installation has no public URL."""
    return f"{context.public_url}/approvals/{approval_id}" if context.public_url else None
