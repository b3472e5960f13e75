"""DNS-01 (RFC 8555 section 8.4): a TXT record that every named resolver sees."""

from certrail.services.enrollment.validation.dns import resolver_words, txt_records
from certrail.services.enrollment.validation.outcome import CheckFailed, Probe, Shown, listed


async def check(probe: Probe) -> Shown:
    """Look the record up, behind any CNAME. Raises CheckFailed."""
    await look_up(probe, f"_acme-challenge.{probe.value}")
    return Shown()


async def look_up(probe: Probe, name: str) -> None:
    """Look for the digest of the key authorization at a name. Raises CheckFailed."""
    for number, seen in enumerate(await txt_records(probe, name)):
        if probe.dns_value not in seen:
            raise CheckFailed(
                "incorrectResponse",
                f"{name} has {len(seen)} TXT records{resolver_words(probe, number)}, none with the value of this"
                f" challenge: {listed(sorted(text[:64] for text in seen))}.",
            )
