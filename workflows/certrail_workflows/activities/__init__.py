"""Thin steps: each calls one use case, or one verb of a plugin between two."""
