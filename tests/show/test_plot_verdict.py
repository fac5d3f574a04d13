"""The picture of a verdict: its words, and that it comes out whatever is undefined."""

import html
import re
from pathlib import Path

import numpy as np
import pytest

from pipeline.lag import judge_alone, panels_of
from pipeline.lag.market import HISTORY
from pipeline.show.plot_style import verdict_colour
from pipeline.show.plot_verdict import draw_verdict
from pipeline.types import Judgement, Trial, Verdict
from tests.lag.made import knowing, noisy, older, trial, walk
from tests.made import made_dates

FLAT = Trial(1, np.full(HISTORY + 41, 4.6), np.full(40, 4.6))
CAPTIONS = (
    "Prices of the last 45 sessions forecast",
    "Correlations of the predicted change",
    "Predicted and actual changes",
    "Gain over the last price",
    "Distance from each day's price",
)


def picture(one: Trial, file: Path, title: str = "SIM-FOLLOW ridge, 1 session ahead") -> Judgement:
    (judgement,) = judge_alone([one])
    draw_verdict(title, judgement, panels_of(one, made_dates(len(one))), file)
    return judgement


def words_of(file: Path) -> str:
    return " ".join(
        html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", file.read_text("utf-8"))
    )


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (older(walk(), 2), Verdict.ECHO),
        (knowing(0.1), Verdict.SKILLED),
        (noisy(1.5), Verdict.WORSE),
        (noisy(0.2, 100), Verdict.SUSPECT_ECHO),
    ],
    ids=["echo", "skilled", "worse", "a long sentence"],
)
def test_a_picture_says_the_sentence_in_the_colour_of_the_verdict(
    one: Trial, verdict: Verdict, tmp_path: Path
) -> None:
    file = tmp_path / "verdict.svg"
    judgement = picture(one, file)
    assert judgement.verdict is verdict
    words = words_of(file)
    assert judgement.sentence in words
    assert "SIM-FOLLOW ridge, 1 session ahead" in words
    (start,) = re.findall(rf"<text [^>]*>{verdict} *[(:]", file.read_text("utf-8"))
    assert verdict_colour(verdict) in start


def test_a_picture_has_five_panels_with_captions_reference_lines_and_the_caution(tmp_path: Path) -> None:
    file = tmp_path / "verdict.svg"
    judgement = picture(knowing(0.1), file)
    words = words_of(file)
    e = judgement.evidence
    for expected in (
        *CAPTIONS,
        *(
            "slope 1/2",
            "slope 1 ",
            f"fitted {e.slope:.2f}",
            "not conclusive alone",
            "yesterday's price",
        ),
        *("t-5", "t-4", "t-3", "t-2", "t-1", "t+1", "known days", "the move", "by chance (95%)"),
        *(f"skill {e.skill:+.1%}", "300 forecasts, 2024-01-01 to 2024-10-26"),
        *("price", "predicted change (multiples of volatility)", "mean distance of the forecasts (%)"),
    ):
        assert expected in words


def test_a_forecast_for_several_sessions_ahead_names_the_move(tmp_path: Path) -> None:
    file = tmp_path / "verdict.svg"
    picture(knowing(0.1, 300, 5), file)
    words = words_of(file)
    assert "t+5's move" in words
    assert "last price known" in words


def test_an_exact_copy_says_that_its_correlations_are_undefined(tmp_path: Path) -> None:
    file = tmp_path / "verdict.svg"
    picture(older(walk(), 0), file)
    words = words_of(file)
    assert "undefined: constant predictions" in words
    assert "fitted" not in words
    assert "nan" not in words


@pytest.mark.parametrize(
    "one",
    [FLAT, noisy(0.2, 1), noisy(0.2, 12), trial(-2.0 * np.diff(walk(40))[HISTORY:], walk(40))],
    ids=["a price that never moved", "one forecast", "few forecasts", "a steep fall"],
)
def test_a_picture_comes_out_whatever_is_undefined(one: Trial, tmp_path: Path) -> None:
    file = tmp_path / "verdict.png"
    judgement = picture(one, file, "A$B, $1 a share")
    assert file.read_bytes().startswith(b"\x89PNG")
    assert judgement.sentence
