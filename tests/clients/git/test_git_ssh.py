"""What is particular to ssh: how OpenSSH's client is called, and what it complains of."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from shared.clients.git import Patience, Remotes
from shared.errors import Forbidden, Misconfigured, NotFound, Unavailable
from shared.model.experiments import Draft
from shared.model.hosting import Access
from tests.clients.git.conftest import ssh_command
from tests.gitserver import bare, git

DRAFT = Draft({"p/a.yaml": b"a" * 200_000}, "Add a.\n", "Ada <ada@example.com>", "2026-01-02T03:04:05.000Z")
HOSTS = "git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHost"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("keys") / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path.read_text()


def saying(folder: Path, *lines: str, code: int = 255) -> Remotes:
    """Remotes whose ssh client complains and gives up."""
    script = folder / "ssh"
    script.write_text("#!/bin/sh\n" + "".join(f"echo '{line}' >&2\n" for line in lines) + f"exit {code}\n")
    script.chmod(0o700)
    return Remotes((str(script),))


def called(folder: Path) -> list[str]:
    return (folder / "ssh.log").read_text().splitlines()


def test_the_client_checks_the_hosts_key_and_asks_nobody(tmp_path: Path) -> None:
    repository = bare(tmp_path / "chaos.git")
    Remotes(ssh_command(tmp_path))(Access(f"ssh://git@git.example.com:2222{repository}")).head("main")
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=5", "SetEnv=GIT_PROTOCOL=version=2"]
    told = [part for option in [*options, "Port=2222"] for part in ("-o", option)]
    assert ["-T", "-x", *told, "git@git.example.com", f"git-upload-pack '{repository}'"] == called(tmp_path)


@pytest.mark.parametrize(
    ("url", "target", "path"),
    [
        pytest.param("git@git.example.com:team/chaos.git", "git@git.example.com", "team/chaos.git", id="scp"),
        pytest.param("git.example.com:/srv/chaos.git", "git.example.com", "/srv/chaos.git", id="scp, absolute"),
        pytest.param("ssh://git.example.com/~ada/chaos.git", "git.example.com", "~ada/chaos.git", id="a home"),
        pytest.param("ssh://git.example.com/a%20b'c.git", "git.example.com", "/a b'\\''c.git", id="quoted"),
    ],
)
def test_the_path_is_told_as_the_address_says(tmp_path: Path, url: str, target: str, path: str) -> None:
    with pytest.raises(NotFound):
        Remotes(ssh_command(tmp_path))(Access(url)).head("main")
    assert [target, f"git-upload-pack '{path}'"] == called(tmp_path)[-2:]


def test_the_key_is_given_in_a_private_file_for_one_call_only(tmp_path: Path, key: str) -> None:
    bare(tmp_path / "chaos.git")
    script = tmp_path / "ssh"
    script.write_text(
        "#!/bin/sh\n"
        f'printf "%s\\n" "$@" > {tmp_path}/options\n'
        'for argument in "$@"; do\n'
        f'  case "$before" in -i) stat -c %a "$argument" > {tmp_path}/mode; cp "$argument" {tmp_path}/copy; '
        f'echo "$argument" > {tmp_path}/where ;; esac\n'
        f'  case "$argument" in UserKnownHostsFile=*) cp "${{argument#*=}}" {tmp_path}/hosts ;; esac\n'
        '  before="$argument"\n'
        "done\n"
        f"exec git-upload-pack {tmp_path}/chaos.git\n"
    )
    script.chmod(0o700)
    Remotes((str(script),))(Access("ssh://git.example.com/chaos.git", f"{key}\n{HOSTS}\n")).head("main")
    assert "600" == (tmp_path / "mode").read_text().strip()
    assert "GlobalKnownHostsFile=/dev/null" in (tmp_path / "options").read_text().split()
    assert (key.strip(), HOSTS) == ((tmp_path / "copy").read_text().strip(), (tmp_path / "hosts").read_text().strip())
    assert not Path((tmp_path / "where").read_text().strip()).parent.exists()


def test_a_key_without_hosts_leaves_the_users_known_hosts_in_force(tmp_path: Path, key: str) -> None:
    bare(tmp_path / "chaos.git")
    Remotes(ssh_command(tmp_path))(Access(f"ssh://git.example.com{tmp_path}/chaos.git", key)).head("main")
    assert "IdentitiesOnly=yes" in called(tmp_path)
    assert [] == [argument for argument in called(tmp_path) if argument.startswith("UserKnownHostsFile=")]


def test_what_openssh_would_not_take_as_a_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="holds no private key as OpenSSH writes it"):
        Remotes(ssh_command(tmp_path))(Access("ssh://git.example.com/chaos.git", "ada:s3cret")).head("main")


def test_a_large_push_goes_through_the_pipe(tmp_path: Path) -> None:
    repository = bare(tmp_path / "chaos.git")
    commit = Remotes(ssh_command(tmp_path))(Access(f"ssh://git.example.com{repository}")).commit_files(
        "main", None, DRAFT
    )
    assert commit == git("rev-parse", "main", cwd=repository)
    assert stat.S_ISDIR((repository / "objects").stat().st_mode)


@pytest.mark.parametrize(
    ("line", "error", "says"),
    [
        pytest.param(
            "Host key verification failed.",
            Misconfigured,
            r"the ssh host key of git\.example\.com is not known: put its known_hosts line below the private key",
            id="unknown host key",
        ),
        pytest.param(
            "git@git.example.com: Permission denied (publickey).",
            Forbidden,
            r"^git\.example\.com does not accept our ssh key",
            id="wrong key",
        ),
        pytest.param(
            "fatal: /srv/chaos.git does not appear to be a git repository",
            NotFound,
            "is no git repository, or we may not see it",
            id="no repository",
        ),
        pytest.param("ERROR: Repository not found.", NotFound, "is no git repository", id="no repository on GitHub"),
        pytest.param(
            "ssh: Could not resolve hostname git.example.com",
            Unavailable,
            "broke off: ssh: Could not resolve hostname",
            id="unknown host",
        ),
        pytest.param("", Unavailable, "broke off: ssh ended with code 255", id="without a word"),
    ],
)
def test_what_ssh_complains_of_is_told(tmp_path: Path, line: str, error: type[Exception], says: str) -> None:
    remote = saying(tmp_path, line)(Access("ssh://git@git.example.com/chaos.git"))
    with pytest.raises(error, match=says):
        remote.head("main")
    with pytest.raises(error, match=says):
        remote.commit_files("main", None, DRAFT)


def test_a_host_that_falls_silent_is_given_up(tmp_path: Path) -> None:
    script = tmp_path / "ssh"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o700)
    remotes = Remotes((str(script),), Patience(0.1, 0.1))
    with pytest.raises(Unavailable, match=r"broke off: nothing came for 0\.1 s"):
        remotes(Access("ssh://git.example.com/chaos.git")).head("main")


def test_a_missing_ssh_client_is_named() -> None:
    with pytest.raises(Misconfigured, match="install it, or use https"):
        Remotes(("/nonexistent/ssh",))(Access("ssh://git.example.com/chaos.git")).head("main")
