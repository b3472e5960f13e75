"""Applications and their members."""
