"""Certificates and lineages: storage, search, export, and the renewal schedule."""
