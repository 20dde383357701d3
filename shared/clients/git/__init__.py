"""Git hosts over git's own protocol: file, http(s), ssh and git; nothing but memory is written to on our side."""

from shared.clients.git.opening import Remotes
from shared.clients.git.streams import Patience

__all__ = ["Patience", "Remotes"]
