"""Samples: the wire's formats, resampling, and the ring of what was heard."""
