"""The protocol as types: everything that crosses the wire, and nothing of what it does."""
