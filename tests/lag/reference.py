"""The lag test once more, one series at a time and one number at a time, straight from its definitions.

Slow and independent: no line of `pipeline` is used; regressions are statsmodels', tails are scipy's.
"""

import math
import statistics
from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm
from scipy import stats

HISTORY = 21


@dataclass(frozen=True)
class Reference:
    skill: float
    skill_low: float
    skill_high: float
    skill_as_issued: float
    size: float
    slope: float
    p_skill: float
    p_anti: float
    p_shape: float
    p_no_skill: float
    p_worse: float
    p_better: float
    distance: float
    tracking: float
    mean_lag_sessions: float
    filter_r2: float
    power: float
    min_detectable_r2: float
    e_value: float


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def volatilities(x: list[float]) -> dict[int, float]:
    """Known at each session from the first return on."""
    returns = [x[t] - x[t - 1] for t in range(1, len(x))]
    variance, seen, known = mean([r * r for r in returns[:21]]), [], {}
    for t, r in enumerate(returns, start=1):
        if t > 1:
            variance = 0.94 * variance + 0.06 * r * r
        seen.append(variance)
        known[t] = math.sqrt(max(variance, 0.05 * statistics.median(seen)))
    return known


def mean_test(values: list[float], h: int, *, cosines: bool) -> tuple[float, float, int]:
    """Mean, standard error and degrees of freedom."""
    n, middle = len(values), mean(values)
    if not cosines:
        return middle, statistics.stdev(values) / math.sqrt(n), n - 1
    count = max(int(0.41 * n ** (2 / 3)), 4)
    if h > 1:
        count = max(min(count, n // (2 * h)), 4)
    squares = []
    for j in range(1, count + 1):
        terms = [
            math.cos(math.pi * j * (i - 0.5) / n) * (value - middle) for i, value in enumerate(values, 1)
        ]
        squares.append((math.sqrt(2 / n) * math.fsum(terms)) ** 2)
    return middle, math.sqrt(mean(squares) / n), count


def upper(test: tuple[float, float, int]) -> float:
    middle, error, degrees = test
    return float(stats.t.sf(middle / error, degrees)) if error > 0 else 1.0


def lower(test: tuple[float, float, int]) -> float:
    middle, error, degrees = test
    return float(stats.t.cdf(middle / error, degrees)) if error > 0 else 1.0


def reference(x: list[float], forecasts: list[float], h: int) -> Reference:
    n = len(forecasts)
    sigma, origins = volatilities(x), [HISTORY + i for i in range(n)]
    sc = [sigma[t] * math.sqrt(h) for t in origins]
    u = [(x[t + h] - x[t]) / s for t, s in zip(origins, sc, strict=True)]
    dhat = [f - x[t] for f, t in zip(forecasts, origins, strict=True)]
    vc = [(d - mean(dhat[: i + 1])) / s for i, (d, s) in enumerate(zip(dhat, sc, strict=True))]
    raw = [d / s for d, s in zip(dhat, sc, strict=True)]
    g = [2 * a * b - b * b for a, b in zip(u, vc, strict=True)]
    u2, v2 = mean([a * a for a in u]), mean([b * b for b in vc])
    skill = mean(g) / u2
    _, error, degrees = mean_test([a - skill * b * b for a, b in zip(g, u, strict=True)], h, cosines=h > 1)
    half = error * float(stats.t.ppf(0.975, degrees)) / u2
    issued = [2 * a * b - b * b for a, b in zip(u, raw, strict=True)]
    terms = information(x, vc, sigma, origins, h, demeaned=False)
    driftless = information(x, vc, sigma, origins, h, demeaned=True)
    size = math.sqrt(v2 / u2)
    p_shape, tracking, lag, r2 = shape(x, raw, u, sc, origins, h)
    distance = nearest(x, dhat, sc, u, origins)
    no_skill = lower(mean_test([a - 0.02 * b * b for a, b in zip(g, u, strict=True)], h, cosines=h > 1))
    information_test = mean_test(terms, 1, cosines=False)
    advantage = mean_test(issued, h, cosines=h > 1)
    rho = min(1.0, (0.02 + size**2) / (2 * size))
    return Reference(
        skill=skill,
        skill_low=skill - half,
        skill_high=skill + half,
        skill_as_issued=mean(issued) / u2,
        size=size,
        slope=mean([a * b for a, b in zip(u, vc, strict=True)]) / v2,
        p_skill=max(upper(information_test), upper(mean_test(driftless, 1, cosines=False))),
        p_anti=lower((*information_test[:2], n - 1)),
        p_shape=p_shape,
        p_no_skill=0.0 if distance < 0.02 or (size**2 < 0.005 and skill < 0.02) else no_skill,
        p_worse=lower(advantage),
        p_better=upper(advantage),
        distance=distance,
        tracking=tracking,
        mean_lag_sessions=lag,
        filter_r2=r2,
        power=float(stats.norm.sf(stats.norm.isf(0.05) - rho * math.sqrt(n / h))),
        min_detectable_r2=6.18 * h / n,
        e_value=min(e_value(terms), e_value(driftless)),
    )


def e_value(terms: list[float]) -> float:
    total, spread = math.fsum(terms), math.fsum([a * a for a in terms])
    growth = 2 / math.sqrt(1 + spread / 50) * math.exp(total**2 / (2 * (spread + 50)))
    return growth * float(stats.norm.cdf(total / math.sqrt(spread + 50)))


def information(
    x: list[float], vc: list[float], sigma: dict[int, float], origins: list[int], h: int, *, demeaned: bool
) -> list[float]:
    terms, running = [], 0.0
    for i in range(len(vc) + h - 1):
        t = origins[0] + i
        covering = math.fsum(vc[j] for j in range(len(vc)) if j <= i <= j + h - 1)
        running = 0.94 * running + 0.06 * covering**2
        size = running / (1 - 0.94 ** (i + 1))
        instrument = covering / math.sqrt(size) if size > 0 else 0.0
        drift = (x[t] - x[0]) / t if demeaned else 0.0
        terms.append(instrument * (x[t + 1] - x[t] - drift) / sigma[t])
    return terms


def shape(
    x: list[float], raw: list[float], u: list[float], sc: list[float], origins: list[int], h: int
) -> tuple[float, float, float, float]:
    n, level = len(raw), mean([x[t] for t in origins])
    rows = []
    for t, s in zip(origins, sc, strict=True):
        gaps = [x[t] - mean(x[t - 9 : t + 1]), x[t] - mean(x[t - 19 : t + 1])]
        returns = [x[t - k] - x[t - k - 1] for k in range(5)]
        rows.append([value / s for value in (1.0, x[t] - level, *returns, *gaps)])
    fit = sm.OLS(np.array(raw), np.array(rows)).fit()
    b, e = fit.params, fit.resid * math.sqrt(n / (n - 9))
    median = statistics.median(u)
    nearness = [abs(float(r)) - abs(a - median) for r, a in zip(e, u, strict=True)]
    tracking = 1.0 + float(b[1])
    p_value = lower(mean_test(nearness, h, cosines=True)) if tracking >= 0.5 else 1.0
    lag = -float(sum(b[2:7])) - 4.5 * float(b[7]) - 9.5 * float(b[8])
    return p_value, tracking, lag, 1.0 - float(np.mean(e**2)) / float(np.var(raw))


def nearest(x: list[float], dhat: list[float], sc: list[float], u: list[float], origins: list[int]) -> float:
    rules = [[x[t - k] - x[t] for t in origins] for k in range(6)]
    rules += [
        [math.log(mean([math.exp(p) for p in x[t - width + 1 : t + 1]])) - x[t] for t in origins]
        for width in (2, 3, 5, 7, 10, 20)
    ]
    rules.append([x[t] - x[t - 1] for t in origins])
    median = statistics.median(u)
    typical = mean([abs(a - median) for a in u])
    distances = []
    for rule in rules:
        difference = [d - r for d, r in zip(dhat, rule, strict=True)]
        weights = [1 / s**2 for s in sc]
        middle = math.fsum(w * d for w, d in zip(weights, difference, strict=True)) / math.fsum(weights)
        distances.append(mean([abs(d - middle) / s for d, s in zip(difference, sc, strict=True)]) / typical)
    return min(distances)
