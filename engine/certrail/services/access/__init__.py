"""Principals, memberships, tokens and sessions."""
