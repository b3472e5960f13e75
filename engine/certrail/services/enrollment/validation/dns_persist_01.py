"""dns-persist-01 (draft-ietf-acme-dns-persist-02): a lasting TXT record that names this server and the account."""

from collections.abc import Iterator
from datetime import datetime

from certrail.domain.acme.account_records import (
    PersistentRecord,
    account_hash_prefix,
    hashed_account_uri,
    read_record,
    uris_of_account,
)
from certrail.services.enrollment.validation.dns import resolver_words, txt_records
from certrail.services.enrollment.validation.outcome import CheckFailed, Probe, Shown, listed

LABEL = "_validation-persist"
MOST_PARENTS = 6
"""Names above the one that is validated that are looked at; each is one more query to every resolver."""


async def check(probe: Probe) -> Shown:
    """Look for a record that every named resolver sees, at the name or, where that is allowed, above it.

    Raises:
        CheckFailed: there is none (``dns``), it cannot be read (``malformed``), or does not count (``unauthorized``).
    """
    first: CheckFailed | None = None
    for domain in _domains(probe):
        below = domain != probe.value
        try:
            return await _at(probe, domain, wildcard=below or probe.wildcard)
        except CheckFailed as failure:
            # What is wrong at the name itself is what its owner can change first.
            first = first or failure
    assert first is not None
    raise first


def _domains(probe: Probe) -> Iterator[str]:
    yield probe.value
    if not probe.settings.persist_subdomains:
        return
    labels = probe.value.split(".")
    for start in range(1, min(len(labels) - 1, MOST_PARENTS + 1)):
        yield ".".join(labels[start:])


async def _at(probe: Probe, domain: str, *, wildcard: bool) -> Shown:
    """The record of a domain, as every resolver sees it; it counts until the first of them ends."""
    name = f"{LABEL}.{domain}"
    until: list[datetime] = []
    for number, seen in enumerate(await txt_records(probe, name)):
        record = _chosen(probe, domain, f"{name}{resolver_words(probe, number)}", seen, wildcard=wildcard)
        if record.until is not None:
            until.append(record.until)
    return Shown(min(until, default=None))


def _chosen(probe: Probe, domain: str, where: str, seen: set[str], *, wildcard: bool) -> PersistentRecord:
    """The record that counts. Of records for other issuers nothing is said: they are none of ours."""
    thumbprints = (probe.thumbprint, *reversed(probe.past_thumbprints))
    expected = uris_of_account(domain, thumbprints, probe.account_url)
    why: list[CheckFailed] = []
    for text in sorted(seen):
        if text.partition(";")[0].strip(" \t").lower().rstrip(".") not in probe.settings.issuer_domain_names:
            continue
        try:
            record = read_record(text)
        except ValueError as fault:
            why.append(CheckFailed("malformed", f"A record at {where} cannot be read: {fault}."))
            continue
        if record.account_uri not in expected:
            why.append(_other_account(probe, domain, where))
        elif record.until is not None and record.until <= probe.now:
            ended = record.until.isoformat()
            why.append(CheckFailed("unauthorized", f"The record at {where} counted until {ended}."))
        elif wildcard and not record.wildcard:
            what = f"*.{domain}" if probe.wildcard and domain == probe.value else f"names below {domain}"
            why.append(
                CheckFailed("unauthorized", f"The record at {where} is not for {what}: add policy=wildcard.")
            )
        else:
            return record
    if why:
        raise why[0]
    names = listed(probe.settings.issuer_domain_names)
    raise CheckFailed("unauthorized", f"No TXT record at {where} names this server, which is {names}.")


def _other_account(probe: Probe, domain: str, where: str) -> CheckFailed:
    url = probe.account_url
    ours = hashed_account_uri(account_hash_prefix(url), domain, probe.thumbprint, url)
    return CheckFailed(
        "unauthorized", f"The record at {where} is for another account; this one is accounturi={ours}."
    )
