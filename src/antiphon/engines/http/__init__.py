"""Engines that are somebody else's: any server that speaks the OpenAI API over HTTP.

Three entry points, one a role, are in ``factories.py``. All of them send their requests through
``calls.py``, which knows about time limits, sending again and a server that is down; ``server.py``
is what the engines of one server share.
"""
