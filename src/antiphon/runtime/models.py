"""The models that clients may ask for, each with the engines that answer under its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from antiphon.config import Config, ModelChoice
from antiphon.runtime.engine_set import EngineSet
from antiphon.wire.session import RealtimeSessionUpdate

__all__ = ["Model", "Models"]


@dataclass(frozen=True)
class Model:
    """What answers under a name.

    Attributes:
        name: Its first name.
        engines: Who hears, thinks and speaks.
        session: What its sessions begin with, over the server's own settings.
    """

    name: str
    engines: EngineSet
    session: RealtimeSessionUpdate


class Models:
    """All models of a server, by any of their names.

    Args:
        config: Which there are.
        engines_for: Returns the engines of each.
    """

    def __init__(self, config: Config, engines_for: Callable[[ModelChoice], EngineSet]) -> None:
        self._by_name: dict[str, Model] = {}
        for name, choice in config.models.items():
            model = Model(name, engines_for(choice), choice.session_update())
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
