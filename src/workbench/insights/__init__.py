"""What deserves attention."""

from workbench.insights.returns import returns_by_method

__all__ = ["returns_by_method"]


def __dir__() -> list[str]:
    return sorted(__all__)
