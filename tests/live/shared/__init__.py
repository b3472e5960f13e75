"""Tests that share one installation: they run in one process, and it ends after the last of them."""
