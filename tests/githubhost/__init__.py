"""GitHub on loopback: real repositories, its REST API and its GraphQL API, each call held to GitHub's own description.

What GitHub would refuse, or would not read, stands in `GitHubServer.problems`, and so does an answer that is none of
GitHub's; a fixture that ends with `server.judge()` makes a test of it fail.
"""

from tests.githubhost.faults import Fault, primary_limit, secondary_limit
from tests.githubhost.server import GitHubServer
from tests.githubhost.world import Repository, Token

__all__ = ["Fault", "GitHubServer", "Repository", "Token", "primary_limit", "secondary_limit"]
