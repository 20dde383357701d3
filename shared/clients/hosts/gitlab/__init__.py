"""GitLab, gitlab.com or self-managed, by python-gitlab."""

from shared.clients.hosts.gitlab.host import GitLab

__all__ = ["GitLab"]
