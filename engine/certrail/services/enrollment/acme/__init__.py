"""The ACME server (RFC 8555): nonces, accounts, orders, validation, finalization, renewal information."""
