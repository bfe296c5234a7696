"""Engines that say when somebody speaks, and has finished, and what is noise."""
