"""Activities: thin classes over the services."""
