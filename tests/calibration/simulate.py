"""How often each verdict is given to forecasters of known worth."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pipeline.lag.decision import PROMOTION_E_VALUE, decide
from pipeline.lag.examine import examine_batch
from pipeline.lag.information import evidence_paths, information_terms
from pipeline.lag.market import build_market
from pipeline.lag.predictions import predict
from pipeline.lag.skill import LEVEL
from pipeline.types import BoolArray, Evidence, Verdict
from tests.calibration.forecasters import FORECASTERS
from tests.calibration.markets import MARKETS

BATCH = 100
"""Paths simulated at once, each batch from a seed of its own."""


@dataclass(frozen=True)
class Setting:
    """One simulated situation: a market, so many forecasts, so far ahead."""

    market: str
    n: int
    horizon: int = 1


class Event(StrEnum):
    """What is counted beside verdicts."""

    INFORMED = "p_skill below 5%"
    PROMOTABLE = f"e-process ever at {PROMOTION_E_VALUE:g}"


Counted = Collection[Verdict] | Event


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of r replications of one forecaster in one setting."""

    verdicts: tuple[Verdict, ...]
    is_informed: BoolArray
    """(r,): the information test rejected at 5%."""
    was_promotable: BoolArray
    """(r,): the e-process ever reached the level of promotion."""

    def share(self, counted: Counted) -> float:
        """How often one of these verdicts was given, or the event happened."""
        if counted is Event.INFORMED:
            return float(self.is_informed.mean())
        if counted is Event.PROMOTABLE:
            return float(self.was_promotable.mean())
        return float(np.mean([verdict in counted for verdict in self.verdicts]))


def simulate(
    setting: Setting, batches: Iterable[int], names: Iterable[str] = tuple(FORECASTERS)
) -> dict[str, Outcome]:
    """The outcomes by forecaster; the same batches give the same outcomes."""
    found = [_batch(setting, batch, tuple(names)) for batch in batches]
    return {name: joined([outcomes[name] for outcomes in found]) for name in names}


def joined(outcomes: Iterable[Outcome]) -> Outcome:
    every = list(outcomes)
    return Outcome(
        tuple(verdict for outcome in every for verdict in outcome.verdicts),
        np.concatenate([outcome.is_informed for outcome in every]),
        np.concatenate([outcome.was_promotable for outcome in every]),
    )


def _batch(setting: Setting, batch: int, names: tuple[str, ...]) -> Mapping[str, Outcome]:
    rng = np.random.default_rng([batch, setting.n, setting.horizon, len(setting.market)])
    simulated = MARKETS[setting.market](rng, BATCH, setting.n, setting.horizon)
    market = build_market(simulated.judged, setting.horizon)
    outcomes = {}
    for name in names:
        predictions = predict(market, simulated.known() + FORECASTERS[name](simulated, rng))
        found = list(examine_batch(predictions))
        paths = evidence_paths(information_terms(predictions))
        outcomes[name] = Outcome(
            tuple(_verdict(evidence, setting.horizon) for evidence in found),
            np.array([evidence.p_skill < LEVEL for evidence in found]),
            np.asarray(paths.max(axis=1) >= PROMOTION_E_VALUE),
        )
    return outcomes


def _verdict(evidence: Evidence, horizon: int) -> Verdict:
    return decide(evidence, horizon, evidence.p_skill).verdict
