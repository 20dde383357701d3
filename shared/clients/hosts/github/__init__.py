"""GitHub, github.com or an Enterprise Server, by PyGithub."""

from shared.clients.hosts.github.host import GitHub
from shared.clients.hosts.github.remotes import GitHubRemote

__all__ = ["GitHub", "GitHubRemote"]
