"""Strict stand-ins for outside systems, reached only through the vendors' own SDKs."""
