"""The pytest plugin: readable assertions for the kit's own modules."""

import pytest

for _module in ("rules", "destination", "notifier"):
    pytest.register_assert_rewrite(f"certrail_sdk.testing.{_module}")
