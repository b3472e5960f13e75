"""Probes: whether services present the certificates that were delivered."""
