"""GitHub, github.com or an Enterprise Server, by PyGithub."""

from shared.clients.hosts.github.host import GitHub

__all__ = ["GitHub"]
