"""Keeps responses and conversations in a database."""
