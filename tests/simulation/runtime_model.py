"""A model of the runtime and its engines: does what the core asks for, as badly as it happens.

Work is a generator of signals. It is slow (nobody says when its next signal comes), fails, stops in
the middle of a word, says nothing at all, or goes on for a while after it has been told to stop.
"""

from collections.abc import Iterator

from antiphon.core.effects import (
    CallMcpTool,
    CloseConnection,
    DropAudio,
    DropGuess,
    Effect,
    EndInput,
    GuessResponse,
    ListMcpTools,
    PredictMessageEnd,
    PredictTurnEnd,
    ReleaseGuess,
    StartResponse,
    StopResponse,
    StopTranscribing,
    Transcribe,
)
from antiphon.core.plan import Plan
from antiphon.core.signals import (
    MessageEndPredicted,
    Signal,
    TranscriptFailed,
    TranscriptFinished,
    TurnEndPredicted,
)
from tests.simulation.dice import Dice
from tests.simulation.ear import Ear
from tests.simulation.engines import answer, transcribe
from tests.simulation.mcp_servers import McpServers

__all__ = ["RuntimeModel"]


class RuntimeModel:
    """Everything between one core session and its engines.

    Attributes:
        ear: Its input audio.
        mcp: Its MCP servers.
        recordings: How many items with audio of their own were to be transcribed.
        closed: Whether the core has closed the connection.
        plans: What responses were started with, in order, or released with.
    """

    def __init__(self, dice: Dice) -> None:
        self.ear = Ear(dice)
        self.mcp = McpServers(dice)
        self.recordings = 0
        self.closed = False
        self.plans: list[Plan] = []
        self._dice = dice
        self._predictions = 0
        self._work: dict[str, Iterator[Signal]] = {}
        self._guessed: dict[str, Plan] = {}  # answers that are held back
        self._stopped: dict[str, int] = {}  # how many signals still come after all

    @property
    def busy(self) -> bool:
        """Whether any work is under way that somebody waits for."""
        return any(one not in self._guessed for one in self._work)

    def perform(self, effect: Effect) -> None:
        """Do what the core asks for."""
        assert not self.closed, "nothing is asked for after the end"
        match effect:
            case Transcribe(item_id=item_id, source=source):
                self.recordings += isinstance(source, bytes)
                self._begin(item_id, transcribe(self._dice, effect))
            case StopTranscribing(item_id=item_id):
                if item_id in self._work:  # its last word may be on its way
                    self._stop(item_id)
            case StartResponse(plan=plan):
                self.plans.append(plan)
                self._begin(plan.response_id, answer(self._dice, plan))
            case StopResponse(response_id=response_id):
                assert response_id not in self._guessed, "nobody knows of it yet"
                self._stop(response_id)
            case ListMcpTools(item_id=item_id):
                self._begin(item_id, self.mcp.name_tools(effect))
            case CallMcpTool(item_id=item_id):
                self._begin(item_id, self.mcp.call(effect))
            case DropAudio(before=before):
                self.ear.drop(before)
            case EndInput():
                self.ear.end()
            case CloseConnection():
                self.closed = True
            case _:
                self._guess(effect)

    def _guess(self, effect: Effect) -> None:
        """Do what is to be done about a turn that may not be over."""
        match effect:
            case PredictTurnEnd(pause_id=pause_id):
                heard = TurnEndPredicted(pause_id, self._dice.random())
                self._begin(self._unnamed(), iter([heard]))
            case PredictMessageEnd(pause_id=pause_id):
                read = MessageEndPredicted(pause_id, self._dice.choice([None, 0.01, 0.9]))
                self._begin(self._unnamed(), iter([read]))
            case GuessResponse(plan=plan):
                self._guessed[plan.response_id] = plan
                self._begin(plan.response_id, answer(self._dice, plan))
            case ReleaseGuess(response_id=response_id):
                self.plans.append(self._guessed.pop(response_id))
            case DropGuess(response_id=response_id):
                del self._guessed[response_id]
                del self._work[response_id]

    def work(self) -> Signal | None:
        """Return the next signal from whatever happens to be ready first."""
        if self._dice.chance(0.5) and (judgement := self.ear.judge()) is not None:
            return judgement
        if not self.busy:
            return self.ear.judge()
        one = self._dice.choice([key for key in self._work if key not in self._guessed])
        left = self._stopped.get(one)
        if left is not None:
            self._stopped[one] = left - 1
        signal = None if left == 0 else next(self._work[one], None)
        # Once the words of an item are known, another item may take its id.
        if signal is None or isinstance(signal, TranscriptFinished | TranscriptFailed):
            del self._work[one]
            self._stopped.pop(one, None)
        return signal

    def _begin(self, key: str, work: Iterator[Signal]) -> None:
        assert key not in self._work, "nothing is done twice"
        self._work[key] = work

    def _unnamed(self) -> str:
        """Return a key for work that nobody asks for again."""
        self._predictions += 1
        return f"prediction {self._predictions}"

    def _stop(self, key: str) -> None:
        assert key in self._work, "only what works is stopped"
        assert key not in self._stopped, "and only once"
        self._stopped[key] = self._dice.randrange(4)
