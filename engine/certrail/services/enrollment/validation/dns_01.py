"""DNS-01 (RFC 8555 section 8.4): a TXT record that every named resolver sees."""

from certrail.services.enrollment.validation.dns import txt_records
from certrail.services.enrollment.validation.outcome import CheckFailed, Probe, listed


async def check(probe: Probe) -> None:
    """Look the record up, behind any CNAME. Raises CheckFailed."""
    name = f"_acme-challenge.{probe.value}"
    for number, seen in enumerate(await txt_records(probe, name)):
        if probe.dns_value not in seen:
            resolvers = probe.settings.resolvers
            where = f" at the resolver {resolvers[number]}" if resolvers else ""
            raise CheckFailed(
                "incorrectResponse",
                f"{name} has {len(seen)} TXT records{where}, none with the value of this challenge:"
                f" {listed(sorted(text[:64] for text in seen))}.",
            )
