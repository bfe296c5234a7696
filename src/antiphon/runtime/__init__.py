"""Makes it happen: performs the core's effects with engines, tasks and one timer."""
