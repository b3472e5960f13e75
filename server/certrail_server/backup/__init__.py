"""Backups: the database with a sealed manifest in one file, and its restore to another place."""
