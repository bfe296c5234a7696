"""Writes the document into a file."""

import sys
from pathlib import Path

from antiphon.http.openapi.document import written

Path(sys.argv[1]).write_bytes(written())
