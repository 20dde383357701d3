"""A GitLab on loopback: REST v4 and git over real bare repositories, webhooks sent over real HTTP.

What it does is what GitLab 19.4's source and documentation say: `lib/api` (commit_statuses, merge_requests,
discussions, notes, project_hooks, hooks/*, helpers), `app/services` (ci/create_commit_status_service,
web_hook_service, web_hooks/*, test_hooks), `app/models` (commit_status, generic_commit_status,
web_hooks/auto_disabling), `lib/gitlab/diff`, and the pages of the same names below `doc/api`. It is stricter in one
thing: GitLab ignores a parameter that it does not know, and this server refuses it, so that a misspelt one cannot pass.
What GitLab does later in a worker is done at once, except a new merge request's diff while `preparing` is set.
"""

from tests.gitlabhost.server import GitLabServer
from tests.gitlabhost.state import Fault

__all__ = ["Fault", "GitLabServer"]
