"""Renewal and revocation."""
