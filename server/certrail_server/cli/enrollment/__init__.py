"""`certrail enrollment`: methods, and the secrets of their clients."""
