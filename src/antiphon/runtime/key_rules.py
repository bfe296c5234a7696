"""What the operator lets a key be used for: with which models, from which pages."""

from __future__ import annotations

from fnmatch import fnmatchcase

from antiphon.config import ApiKey, Config
from antiphon.errors import RequestError

__all__ = ["KeyRules"]


class KeyRules:
    """The rules of all keys. Client secrets are bound by those of the key that they come from.

    Args:
        config: Which keys there are.
    """

    def __init__(self, config: Config) -> None:
        self.renew(config)

    def renew(self, config: Config) -> None:
        """Have the rules of another configuration hold from now on."""
        self._keys = {key.name: key for key in config.keys}
        self._models = config.models

    def lets(self, key_name: str | None, asked_for: str, answers: str) -> bool:
        """Whether a key may be used for a model; arguments as for :meth:`check_model`."""
        key = self._restricted(key_name)
        if key is None or not key.models or self._matches(key, answers):
            return True
        return asked_for in self._models[answers].aliases and self._matches(key, asked_for)

    def check_model(self, key_name: str | None, asked_for: str, answers: str) -> None:
        """Check that a key may be used for a model.

        Args:
            key_name: What the key is called; ``None`` where none is needed.
            asked_for: The name that the client asks for.
            answers: The first name of the model that answers to it.

        Raises:
            RequestError: ``model_not_allowed``.
        """
        key = self._restricted(key_name)
        if key is not None and not self.lets(key_name, asked_for, answers):
            message = (
                f"The key '{key.name}' may not be used for the model `{asked_for}`. It may be used "
                f"for: {', '.join(key.models)}."
            )
            raise RequestError(message, code="model_not_allowed", param="model")

    def check_origin(self, key_name: str | None, origin: str | None) -> None:
        """Check that a page may use a key.

        Args:
            key_name: What the key is called; ``None`` where none is needed.
            origin: Of the page; ``None`` if the request comes from none.

        Raises:
            RequestError: ``origin_not_allowed``.
        """
        key = self._restricted(key_name)
        if key is None or not key.origins or origin is None or origin in key.origins:
            return
        message = (
            f"Pages of '{origin}' may not use the key '{key.name}'. Those that may are of: "
            f"{', '.join(key.origins)}."
        )
        raise RequestError(message, code="origin_not_allowed")

    def _restricted(self, key_name: str | None) -> ApiKey | None:
        return None if key_name is None else self._keys.get(key_name)

    @staticmethod
    def _matches(key: ApiKey, model: str) -> bool:
        return any(fnmatchcase(model, pattern) for pattern in key.models)
