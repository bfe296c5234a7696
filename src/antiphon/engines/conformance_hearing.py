"""Another name of what ``conformance`` has for denoisers and turn predictors."""

from antiphon.engines.conformance import DenoiserConformance, TurnPredictorConformance

__all__ = ["DenoiserConformance", "TurnPredictorConformance"]
