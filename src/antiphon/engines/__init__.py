"""Who hears, thinks and speaks: the protocols of engines, the embedded ones, and their weights."""
