"""Numbers and names as text."""

import math

import pytest

from pipeline.show.text import p_value_text, percent_text, price_text


@pytest.mark.parametrize(
    ("price", "wanted"),
    [
        (64321.987, "64,321.99"),
        (1.0, "1.00"),
        (0.99996, "1.0000"),
        (0.00012346, "0.0001235"),
        (0.0, "0.00"),
        (None, "-"),
        (math.nan, "-"),
    ],
)
def test_a_price_has_the_digits_that_matter(price: float | None, wanted: str) -> None:
    assert price_text(price) == wanted


@pytest.mark.parametrize(
    ("share", "wanted"),
    [(0.0512, "+5.1%"), (-0.0512, "-5.1%"), (-0.0001, "+0.0%"), (-536.4, "-53,640.0%"), (None, "-")],
)
def test_a_percentage_has_its_sign_and_no_minus_before_a_zero(share: float | None, wanted: str) -> None:
    assert percent_text(share, signed=True) == wanted


@pytest.mark.parametrize(("p", "wanted"), [(0.0004, "<0.001"), (0.034, "0.034"), (1.0, "1.000"), (None, "-")])
def test_a_p_value_has_as_many_digits_as_matter(p: float | None, wanted: str) -> None:
    assert p_value_text(p) == wanted
