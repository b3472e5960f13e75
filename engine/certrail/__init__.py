"""What certrail knows and does: domain rules, use cases, persistence, PKI and the plugin registry."""
