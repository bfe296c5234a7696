"""Runs somebody else's server on a socket that listens already: ``asgi.py MODULE:APP FD``.

It is run by the interpreter of the environment that the server is installed in.
"""

import socket
import sys
from importlib import import_module

import uvicorn

if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(":")
    app = getattr(import_module(module), name)
    listener = socket.socket(fileno=int(sys.argv[2]))
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
