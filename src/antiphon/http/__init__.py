"""The HTTP side: routes, authentication, health, models."""
