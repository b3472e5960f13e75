"""Receipts of destinations: checked before they are recorded, as what comes back of a plugin may be anything."""

from certrail.services.core.effects import checked
from certrail_sdk import PluginError, Receipt

LONGEST_REFERENCE = 2048
MOST_DETAILS, LONGEST_DETAIL = 50, 2048


class BrokenContract(PluginError):
    """A plugin's answer is not what its contract says; the message is certrail's own."""


def checked_receipt(answer: object, fingerprint: str) -> Receipt:
    """A receipt that says what was done: for what was sent, with a reference, and of a bounded size.

    Args:
        fingerprint: of what was sent.

    Raises:
        TypeError: it is no receipt; the plugin's bug.
        BrokenContract: it says something else.
    """
    receipt = checked(answer, Receipt)
    if receipt.fingerprint != fingerprint:
        raise BrokenContract("The receipt has another fingerprint than what was sent.")
    if not receipt.reference.strip():
        raise BrokenContract("The receipt has no reference, by which the object is found again.")
    if len(receipt.reference) > LONGEST_REFERENCE or len(receipt.version or "") > LONGEST_REFERENCE:
        raise BrokenContract(
            f"The receipt's reference or version is longer than {LONGEST_REFERENCE} characters."
        )
    longest = max((len(text) for pair in receipt.details.items() for text in pair), default=0)
    if len(receipt.details) > MOST_DETAILS or longest > LONGEST_DETAIL:
        raise BrokenContract(
            f"The receipt has more than {MOST_DETAILS} details, or one of over {LONGEST_DETAIL} characters."
        )
    return receipt
