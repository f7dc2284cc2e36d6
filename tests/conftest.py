"""For all tests: speed is measured in benchmarks, never here."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
