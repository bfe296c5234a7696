"""Engines that act out a script."""
