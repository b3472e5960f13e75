"""The purpose of every envelope: it is authenticated with it, so a value sealed for one is not opened as another."""

CA_KEY_PURPOSE = "ca-key"
CERTIFICATE_KEY_PURPOSE = "certificate-key"
OCSP_KEY_PURPOSE = "ocsp-key"
CONNECTION_PURPOSE = "connection"
SYNC_PURPOSE = "sync"
CHANNEL_PURPOSE = "channel"
AUDIT_HEAD_PURPOSE = "audit-chain-head"
AUDIT_LINK_PURPOSE = "audit-chain-link"
"""Of the key of the keyed links."""
AUDIT_WITNESS_PURPOSE = "audit-witness"
"""Of the head that is kept in a file outside the database."""
BACKUP_PURPOSE = "backup"
"""Of the seal of a backup's manifest, and of the keyring that is within a backup under a passphrase."""
SIGN_IN_PURPOSE = "sign-in"
"""Of the cookie that keeps a sign-in's state between two redirects; it is not stored."""
DEVICE_SIGN_IN_PURPOSE = "device-sign-in"
"""Of the handle by which a command line asks for the outcome of its sign-in; it is not stored either."""


def of_row(purpose: str, row_id: str) -> str:
    """The purpose of an envelope in one row: moved to another row, by whoever can write the database, it stays shut."""
    return f"{purpose}:{row_id}"
