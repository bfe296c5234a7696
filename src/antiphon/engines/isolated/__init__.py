"""An engine in a process of its own, so that a crash of native code takes no session with it.

The parent's side (``parent.py``) is an engine like any other. When the child (``child.py``) dies,
whatever is under way fails with ``engine_crashed``, and the guard before the engine
(``engines/guard.py``) loads another. It costs the memory of one more Python, and some tenths of a
millisecond for each event.

Both ends are this program and talk over a pipe of :mod:`multiprocessing` (``messages.py``). An
event is sent only while the reader is fewer than :data:`~messages.WINDOW` behind, so that no
request can fill the memory.
"""

from antiphon.engines.isolated.parent import isolated

__all__ = ["isolated"]
