"""Models of a server's configuration, for tests to whom only their names matter."""

from antiphon.config import ModelChoice

__all__ = ["ONE_MODEL", "TWO_MODELS"]

ONE_MODEL = {"first": ModelChoice()}
TWO_MODELS = {"first": ModelChoice(), "second": ModelChoice()}
