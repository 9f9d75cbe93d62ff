"""What deserves attention."""

from workbench.insights.returns import returns_by_method

__all__ = ["returns_by_method"]
