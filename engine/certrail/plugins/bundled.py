"""The plugins that come with certrail."""

BUNDLED = (
    "destination-aws-acm",
    "destination-aws-elb",
    "destination-aws-iam",
    "destination-aws-secrets-manager",
    "destination-azure-key-vault",
    "destination-cloudflare",
    "destination-f5-bigip",
    "destination-files",
    "destination-haproxy",
    "destination-http-put",
    "destination-kubernetes-secret",
    "destination-ssh-host",
    "destination-vault-kv",
    "notifier-apprise",
    "notifier-email",
    "notifier-pagerduty",
    "notifier-slack",
    "notifier-teams",
    "notifier-webhook",
)
"""Kind and name of each, derived from the folders by ``tests.house.plugin_lists``. Only its own distribution, which is
named after it, may provide a plugin of this name, also where that is not installed."""
