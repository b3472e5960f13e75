"""Discovery of plugins: the only user of pluggy."""
