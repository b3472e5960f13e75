"""Housekeeping, key rotation and the watch over what expires."""
