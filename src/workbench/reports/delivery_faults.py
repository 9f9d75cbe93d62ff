"""How a delivery can go wrong: it was certainly not sent, or nobody can know."""

from __future__ import annotations

from workbench.charts.drawing import shown
from workbench.errors import WorkbenchError

_LONGEST = 300


class NotSent(WorkbenchError):
    """Nothing arrived.

    Parameters
    ----------
    reason : str
        Why, as a clause without a full stop. Foreign text in it is made harmless.
    passing : bool
        Whether it may go well a little later.
    """

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        self.reason, self.passing = shown(reason, _LONGEST), passing
        super().__init__(self.reason)


class MaybeSent(WorkbenchError):
    """The whole message was handed over, and the answer did not come: it may have arrived or not.

    To send it again could deliver it twice (RFC 1047; RFC 5321, section 4.5.3.2.6).
    """

    def __init__(self, reason: str) -> None:
        self.reason = shown(reason, _LONGEST)
        super().__init__(self.reason)
