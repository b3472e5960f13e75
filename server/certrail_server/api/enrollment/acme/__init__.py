"""The wire format of the ACME server (RFC 8555): JWS in, JSON out; every decision is the services'."""
