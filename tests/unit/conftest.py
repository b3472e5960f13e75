"""Property tests judge results, never speed: a busy machine must not fail them."""

from hypothesis import settings

settings.register_profile("certrail", deadline=None, max_examples=60)
settings.load_profile("certrail")
