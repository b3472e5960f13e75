"""`given` with the suite's profile; not in a `conftest.py`, because Hypothesis takes a second to import."""

from hypothesis import given, settings

__all__ = ["given"]

# Property tests judge results, never speed: a busy machine must not fail them.
settings.register_profile("certrail", deadline=None, max_examples=60)
settings.load_profile("certrail")
