"""The models that clients may ask for, each with the engines or the service that answer for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from antiphon.config import Config, ModelChoice
from antiphon.errors import RequestError
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.upstream.link import Upstream
from antiphon.wire.session import RealtimeSessionUpdate

__all__ = ["Model", "Models"]


@dataclass(frozen=True)
class Model:
    """What answers under a name.

    Attributes:
        name: Its first name.
        answered_by: Who hears, thinks and speaks here, or the service that does all of it.
        session: What its sessions begin with, over the settings of the server or the service.
    """

    name: str
    answered_by: EngineSet | Upstream
    session: RealtimeSessionUpdate

    @property
    def engines(self) -> EngineSet:
        """Who hears, thinks and speaks.

        Raises:
            RequestError: ``not_implemented``; a service does.
        """
        if isinstance(self.answered_by, Upstream):
            message = (
                f"The model `{self.name}` is relayed to another service, which serves its speech "
                "and transcription sessions only. Ask for a model that this server runs itself."
            )
            raise RequestError(message, code="not_implemented", param="model")
        return self.answered_by


class Models:
    """All models of a server, by any of their names.

    Attributes:
        since_s: Since when they are there, Unix time.

    Args:
        config: Which there are.
        engines_for: Returns the engines of each that no service answers for.

    Raises:
        ConfigurationError: The key of a service is to be in a variable that is not set.
    """

    def __init__(self, config: Config, engines_for: Callable[[ModelChoice], EngineSet]) -> None:
        self.since_s = time.time()
        self._by_name: dict[str, Model] = {}
        for name, choice in config.models.items():
            service = choice.service
            answered_by = Upstream.of(service) if service else engines_for(choice)
            model = Model(name, answered_by, choice.session_update())
            self._by_name |= dict.fromkeys((name, *choice.aliases), model)
        self.default = next(iter(self._by_name.values()))

    def __iter__(self) -> Iterator[Model]:
        """Each model once, the default first."""
        return iter({id(model): model for model in self._by_name.values()}.values())

    @property
    def names(self) -> tuple[str, ...]:
        """All names that clients may ask for, the default's first."""
        return tuple(self._by_name)

    def named(self, name: str) -> Model:
        """Return what answers under a name; the default, if nothing has this name."""
        return self._by_name.get(name, self.default)
