"""How properties are tried: on fixed examples in `make test`, on many more and random ones in `make hunt`."""

from hypothesis import HealthCheck, settings

FIXED, HUNT = "fixed", "hunt"
USUAL, MANY = 100, 500
"""Examples of a property that asks for no other number."""

# A busy machine is slow at any example: neither its time nor that of making it says anything of the test.
SHARED = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(FIXED, SHARED, max_examples=USUAL, derandomize=True)
settings.register_profile(HUNT, SHARED, max_examples=MANY, derandomize=False)


def examples(number: int) -> settings:
    """Settings that try a property on so many examples, and in a hunt on MANY / USUAL times as many."""
    return settings(max_examples=number * settings().max_examples // USUAL)
