"""How many examples a test draws: the same few at every change, and other, many more at night (`make properties`).

A test names its number for a change; the profile in force says how many times as many are drawn.
"""

from hypothesis import HealthCheck, settings

ORDINARY, NIGHTLY = "ordinary", "nightly"
_ONCE, _AT_NIGHT = 100, 2500  # per cent of a test's own number

_COMMON = settings(
    deadline=None,
    database=None,  # the seed alone says what is drawn
    print_blob=False,
    suppress_health_check=[  # they judge speed
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.large_base_example,
    ],
)
settings.register_profile(ORDINARY, _COMMON, derandomize=True, max_examples=_ONCE)
# Where `CI` is set, Hypothesis would have each night draw the same.
settings.register_profile(NIGHTLY, _COMMON, derandomize=False, max_examples=_AT_NIGHT)


def draw_examples(number: int) -> settings:
    """Draw so many examples at a change; at night so many times as many as the profile says."""
    return settings(max_examples=number * settings().max_examples // _ONCE)
