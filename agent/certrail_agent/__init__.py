"""certrail's agent: it keeps the certificates of one host."""
