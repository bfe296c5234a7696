"""Servers of tools: connections to them, and their failures."""
