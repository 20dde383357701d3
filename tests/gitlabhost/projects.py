"""The project itself."""

from __future__ import annotations

from tests.gitlabhost import answers, repositories
from tests.gitlabhost.calls import Answer, Call, Parameter, Refused, route


@route("GET", "", {"statistics": Parameter(bool), "license": Parameter(bool)})
def shown(call: Call) -> Answer:
    return 200, answers.project(call.state, call.project)


@route("GET", "/repository/branches/:branch")
def branch(call: Call) -> Answer:
    sha = repositories.commit(call.project.folder, f"refs/heads/{call.path['branch']}")
    if sha is None:
        raise Refused(404, {"message": "404 Branch Not Found"})
    name = call.path["branch"]
    return 200, {"name": name, "protected": name in call.project.protected, "commit": {"id": sha}}
