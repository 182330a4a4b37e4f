"""From a journal to numbers: no model, no network, no clock. Scoring a journal twice gives the same bytes."""

import sys

from vlmeval import CallableRoom

sys.modules[__name__].__class__ = CallableRoom
