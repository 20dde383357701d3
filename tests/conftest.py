"""How properties are tried: the same examples every time by default, others with `--hypothesis-profile searching`."""

from hypothesis import settings

settings.register_profile("searching", deadline=None)
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
