"""Envelopes for private keys and credentials."""
