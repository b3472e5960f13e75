"""Certificate policies, certificate profiles and enrollment."""
