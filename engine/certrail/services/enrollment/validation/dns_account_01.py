"""dns-account-01 (draft-ietf-acme-dns-account-label-03 section 3): as DNS-01, below a label of the account."""

from certrail.domain.acme.account_records import account_label
from certrail.services.enrollment.validation.dns_01 import look_up
from certrail.services.enrollment.validation.outcome import CheckFailed, Probe, Shown


async def check(probe: Probe) -> Shown:
    """Look the record up, behind any CNAME. Raises CheckFailed, which names the account URL of the label."""
    name = f"{account_label(probe.account_url)}._acme-challenge.{probe.value}"
    try:
        await look_up(probe, name)
    except CheckFailed as failure:
        detail = f"{failure.detail} The label is that of the account {probe.account_url}."
        raise CheckFailed(failure.kind, detail) from None
    return Shown()
