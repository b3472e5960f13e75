"""Formats of enrollment protocols: lenient PKCS#10, EST's bodies (RFC 7030). Nothing here does I/O."""
