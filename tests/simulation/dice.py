"""Chance that can be repeated."""

import random
from collections.abc import Mapping
from typing import TypeVar

__all__ = ["Dice"]

T = TypeVar("T")


class Dice(random.Random):
    """Everything in a session that could have been otherwise is thrown with one of these."""

    def chance(self, probability: float) -> bool:
        """Say yes so often."""
        return self.random() < probability

    def weighted(self, weights: Mapping[T, float]) -> T:
        """Pick a key as often as its weight says."""
        (key,) = self.choices(list(weights), list(weights.values()))
        return key
