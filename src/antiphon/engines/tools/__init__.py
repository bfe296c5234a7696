"""Function calls of models that write them as text."""
