"""What a client may conclude from the frames it sends and is sent; contradictions fail the test.

The ledger is the one checker of every test that does not know beforehand what will happen. It knows
the wire and nothing of the server: frames go in, in the order in which they passed, and whatever
contradicts the protocol's promises raises ``AssertionError``.
"""

from tests.support.ledger.beta import BetaLedger
from tests.support.ledger.frames import Frame, read_frame
from tests.support.ledger.ledger import Ledger
from tests.support.ledger.requests import Form
from tests.support.ledger.translation import TranslationLedger

__all__ = ["BetaLedger", "Form", "Frame", "Ledger", "TranslationLedger", "read_frame"]
