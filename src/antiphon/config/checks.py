"""Which of the operator's choices do not go together."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from antiphon.config.keys import ORIGIN_PATTERN, digest_of
from antiphon.errors import ConfigurationError

if TYPE_CHECKING:
    from antiphon.config.fields import Config

__all__ = ["CLIENT_SECRET_PREFIX", "InvalidSettingError", "check", "is_loopback"]

CLIENT_SECRET_PREFIX = "ek_"  # noqa: S105 (not a secret itself)
"""What client secrets begin with, by the protocol; clients in browsers insist on it."""


class InvalidSettingError(ConfigurationError):
    """A field of a configuration cannot be used, by itself or with the others.

    Attributes:
        field: Its name.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check(config: Config) -> None:
    """Check what the types of the fields do not say.

    Raises:
        InvalidSettingError: Something cannot be used.
    """
    _check_address(config)
    _check_keys(config)
    _check_names(config)
    _check_origins(config)
    _check_networks(config)
    _check_spend(config)


def is_loopback(host: str) -> bool:
    """Whether only clients of this machine reach who listens on an address or name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_address(config: Config) -> None:
    if not 0 <= config.port <= 65_535:
        message = f"The port is {config.port}; it has to be 0 to 65535."
        raise InvalidSettingError("port", message)
    if not (config.needs_key or config.listens_on_loopback or config.allow_anyone):
        message = (
            f"The server would listen on {config.host}, where others can reach it, without an "
            "API key. Give one with --api-key or ANTIPHON_API_KEYS, or listen on 127.0.0.1. If "
            "anyone who reaches it may really use it, say so with --allow-anyone."
        )
        raise InvalidSettingError("host", message)


def _check_keys(config: Config) -> None:
    """Check that keys are such, and that they can be told apart."""
    names: dict[bytes, str] = {}
    for field, name, line in config.key_lines():
        if line.startswith(CLIENT_SECRET_PREFIX):
            message = (
                f"An API key begins with '{CLIENT_SECRET_PREFIX}', which is how client secrets "
                "begin. Choose another key."
            )
            raise InvalidSettingError(field, message)
        try:
            digest = digest_of(line)
        except ValueError as error:
            message = f"An entry of '{field}' is no key: {error}"
            raise InvalidSettingError(field, message) from None
        called = f"'{name}'" if name else f"an entry of '{field}'"
        if name and called in names.values():
            message = f"Two keys are called '{name}'. Give each a name of its own."
            raise InvalidSettingError(field, message)
        if digest in names:
            message = f"The same key is {names[digest]} and {called}. Leave one of them out."
            raise InvalidSettingError(field, message)
        names[digest] = called


def _check_names(config: Config) -> None:
    """Check that there is a model, and that each can be told by its names."""
    if not config.models:
        message = "There is no model that clients could ask for. Leave 'models' out, or name one."
        raise InvalidSettingError("models", message)
    owners: dict[str, str] = {}
    for model, choice in config.models.items():
        for name in (model, *choice.aliases):
            if not name:
                message = "A model is called ''. Clients that name none get the default; rename it."
                raise InvalidSettingError("models", message)
            owner = owners.setdefault(name, model)
            if owner != model:
                message = f"'{name}' names the models '{owner}' and '{model}'. Rename one of them."
                raise InvalidSettingError("models", message)
        asked_for = choice.session.get("model", model)
        if asked_for not in (model, *choice.aliases):
            message = (
                f"The sessions of the model '{model}' are to be of the model '{asked_for}', but "
                "they are what their clients ask for. Leave 'session.model' out."
            )
            raise InvalidSettingError("models", message)


def _check_origins(config: Config) -> None:
    for origin in config.allow_origins:
        if origin != "*" and not re.match(ORIGIN_PATTERN, origin):
            message = (
                f"'{origin}' is not an origin. Write it as browsers do, in lower case and "
                "without a path: --allow-origin https://app.example.org; '*' is all."
            )
            raise InvalidSettingError("allow_origins", message)


def _check_networks(config: Config) -> None:
    """Check that networks are such."""
    for field, networks, other in (
        ("allow_private_addresses", config.allow_private_addresses, "'*' is all"),
        ("trusted_proxies", config.trusted_proxies, "names are not looked up"),
    ):
        for network in networks:
            if network == "*" and field == "allow_private_addresses":
                continue
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                message = (
                    f"'{network}' is not a network: {error}. Write it as 10.0.0.0/24 or "
                    f"fd00::/64, or as a single address such as 10.0.0.7; {other}."
                )
                raise InvalidSettingError(field, message) from None


def _check_spend(config: Config) -> None:
    """Check that costs can be known where they are limited."""
    if config.prices:
        return
    message = (
        "What a key may spend is limited, but nothing has a price. Add 'prices', or leave "
        "'spend_per_day' and 'spend_per_month' out."
    )
    if config.rate_limits is not None and config.rate_limits.spend:
        raise InvalidSettingError("rate_limits", message)
    if any(key.rate_limits is not None and key.rate_limits.spend for key in config.keys):
        raise InvalidSettingError("keys", message)
