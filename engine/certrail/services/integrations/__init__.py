"""Plugin configuration and connections to other systems."""
