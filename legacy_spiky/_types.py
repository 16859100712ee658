"""What `activation` and `native` return, for type checkers and readers."""

import sys
from typing import Any, Optional

__all__ = ["Activation"]

if sys.version_info >= (3, 8):
    from typing import Protocol
else:  # where annotations are for readers alone
    Protocol = object


class Activation(Protocol):
    """An activation as an op: takes a tensor, or what converts to one, and returns a tensor."""

    __name__: str

    def __call__(self, x: Any, name: Optional[str] = None) -> Any: ...
