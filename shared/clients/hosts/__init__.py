"""Git hosts' APIs: what git itself cannot do. Each library is loaded when a project first needs it."""

from shared.clients.hosts.opening import Hosts

__all__ = ["Hosts"]
