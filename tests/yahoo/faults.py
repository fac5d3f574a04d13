"""What can happen to a request on its way, instead of a proper answer."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, Flag, auto


class Fault(Enum):
    """What the chart address does instead of answering as it should."""

    RATE_LIMIT = auto()
    """429 with plain text. yfinance asks once more by itself: it takes two for one to be seen."""
    SERVER_ERROR = auto()
    """500 with JSON."""
    UNAVAILABLE = auto()
    """503 with a page."""
    UNAUTHORIZED = auto()
    """401 with JSON."""
    NOT_FOUND = auto()
    """404 with JSON, for a symbol that exists."""
    SLOW = auto()
    """The right answer, after a delay."""
    SILENCE = auto()
    """No answer for as long as the client waits."""
    RESET = auto()
    """The connection is reset."""
    TRUNCATED = auto()
    """200 with the first half of the right answer."""
    NO_RESULT = auto()
    """200 with a result of null."""
    EMPTY = auto()
    """200 that knows the symbol, and has no rows of it."""
    ODD_SHAPE = auto()
    """200 with JSON that lacks what every answer has."""


class Question(Flag):
    """The two questions that yfinance puts to the chart address."""

    TIME_ZONE = auto()
    HISTORY = auto()
    EITHER = TIME_ZONE | HISTORY


Schedule = Callable[[int], Fault | None]
"""The fault of a request by its number, counted from 0 over all symbols and questions."""


@dataclass
class _Waiting:
    fault: Fault
    symbol: str | None
    questions: Question
    times: int

    def concerns(self, symbol: str, question: Question) -> bool:
        return self.times > 0 and self.symbol in {None, symbol} and question in self.questions


class Faults:
    """The faults to come. Every request takes the first that concerns it, or what the schedule says.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self.schedule: Schedule | None = None
        self.slow_seconds = 0.2
        """How long a SLOW answer takes."""
        self._waiting: list[_Waiting] = []
        self._count = 0
        self._lock = threading.Lock()

    def queue(self, fault: Fault, symbol: str | None, questions: Question, times: int) -> None:
        """`times` requests about `symbol` (None: about any) will meet `fault`."""
        with self._lock:
            self._waiting.append(_Waiting(fault, symbol, questions, times))

    def next(self, symbol: str, question: Question) -> Fault | None:
        """What the request that has just come meets."""
        with self._lock:
            number, self._count = self._count, self._count + 1
            for waiting in self._waiting:
                if waiting.concerns(symbol, question):
                    waiting.times -= 1
                    return waiting.fault
            return self.schedule(number) if self.schedule else None

    def clear(self) -> None:
        """Nothing more will go wrong."""
        with self._lock:
            self._waiting.clear()
            self.schedule = None
