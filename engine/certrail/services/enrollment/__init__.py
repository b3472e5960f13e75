"""Certificates that come in by protocols: accounts, orders, secrets and validations of ACME, EST and SCEP."""
