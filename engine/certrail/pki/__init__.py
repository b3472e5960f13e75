"""X.509 work, all of it through `cryptography`."""
