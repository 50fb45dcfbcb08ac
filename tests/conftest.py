"""What every test may use."""

from __future__ import annotations

from tests.stack import stack

__all__ = ["stack"]
