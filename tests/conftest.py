"""Settings of all tests."""

from hypothesis import settings

# A deadline is wall time, and a busy machine has no say in whether a property holds.
settings.register_profile("vlmeval", deadline=None)
settings.load_profile("vlmeval")
