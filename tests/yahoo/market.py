"""The market behind the stand-in: what really happens, what is told of it, and what is asked."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from tests.yahoo import answer
from tests.yahoo.distortions import Distortion
from tests.yahoo.faults import Fault, Faults, Question, Schedule
from tests.yahoo.feed import Feed, feed_of
from tests.yahoo.series import Bar, Series

END_OF_TIME = 2**40


class Asked(NamedTuple):
    """One request to the chart address."""

    symbol: str
    question: Question
    query: dict[str, str]


class Answer(NamedTuple):
    """What the chart address says: a status, a body, and what happens to them on the way."""

    status: int
    body: bytes
    fault: Fault | None = None


class Market:
    """Symbols with their series, seen at `now` (an aware moment, to be set at will).

    Rows are told from the opening of their session on. While it is open, the session's row is an ordinary
    last row with what is known so far; nothing later is ever told, whatever period is asked for. What is
    told can be distorted, and what is asked can fail.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.series: dict[str, Series] = {}
        self.asked: list[Asked] = []
        self.faults = Faults()
        self._distortions: dict[str, list[Distortion]] = {}
        self._said: dict[tuple[str, Question], Answer] = {}

    def fail(
        self,
        symbol: str | None,
        fault: Fault,
        question: Question = Question.HISTORY,
        times: int = 100,
    ) -> None:
        """Answer the next `times` such questions about `symbol` (None: about any) with `fault`."""
        self.faults.queue(fault, symbol, question, times)

    def say(self, symbol: str, status: int, body: bytes, question: Question = Question.HISTORY) -> None:
        """Answer every such question about `symbol` with these words, where nothing else happens to it."""
        self._said[symbol, question] = Answer(status, body)

    def fail_by(self, schedule: Schedule) -> None:
        """Let the number of a request say what it meets, where nothing else is queued."""
        self.faults.schedule = schedule

    def distort(self, symbol: str, *distortions: Distortion) -> None:
        """Change what is told of `symbol`, after the changes that are made already."""
        self._distortions.setdefault(symbol, []).extend(distortions)

    def heal(self) -> None:
        """End all faults, and all distortions but those that are right."""
        self.faults.clear()
        self._said.clear()
        for symbol, distortions in self._distortions.items():
            self._distortions[symbol] = [one for one in distortions if one.is_right]

    def truth(self, symbol: str, settle_minutes: int, at: datetime | None = None) -> tuple[Bar, ...]:
        """The bars that a faultless source tells `at` a moment (None: now) of sessions that are settled then.

        Prices are in the units of that moment: a split re-bases all earlier bars from the opening of its
        ex-date on. A session is settled so many minutes after its close.
        """
        moment = at or self.now
        feed = self._feed(symbol, moment, only_right=True)
        margin = timedelta(minutes=settle_minutes)
        bars = [row.bar() for row in feed.rows if feed.hours.closing(row.day) + margin <= moment]
        return tuple(bar for bar in bars if bar is not None)

    def events(self, symbol: str, at: datetime | None = None) -> dict[tuple[date, str], float]:
        """The splits and dividends of a faultless source `at` a moment (None: now), by day and kind."""
        feed = self._feed(symbol, at or self.now, only_right=True)
        splits = {(day, "split"): new / old for day, (new, old) in feed.splits.items()}
        return splits | {(day, "dividend"): paid for day, paid in feed.dividends.items()}

    def told(self, symbol: str) -> Feed:
        """What is told of `symbol` now, by those requests that nothing happens to."""
        return self._feed(symbol, self.now)

    def answer(self, symbol: str, query: Mapping[str, str]) -> Answer:
        """What the chart address says to one request, which is noted down."""
        question = Question.HISTORY if "period1" in query else Question.TIME_ZONE
        self.asked.append(Asked(symbol, question, dict(query)))
        fault = self.faults.next(symbol, question)
        if (symbol, question) in self._said:
            return self._said[symbol, question]._replace(fault=fault)
        if symbol not in self.series:
            return Answer(404, answer.NOT_FOUND, fault)
        first, end = int(query.get("period1", 0)), int(query.get("period2", END_OF_TIME))
        if fault is Fault.EMPTY:
            first, end = END_OF_TIME, END_OF_TIME
        feed = self.told(symbol)
        return Answer(200, answer.chart_json(symbol, feed, first, end, self.now), fault)

    def _feed(self, symbol: str, moment: datetime, *, only_right: bool = False) -> Feed:
        feed = feed_of(self.series[symbol], moment)
        for distortion in self._distortions.get(symbol, []):
            if distortion.is_right or not only_right:
                feed = distortion(feed, moment)
        return feed
