"""The edge, through functions-framework and over HTTP: who is turned away, where, and what may be read of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from shared import errors
from tests.servers import ask, say

LIMIT = 100_000
OURS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LitmusGitopsError)]


def _chunks(size: int) -> Iterator[bytes]:
    for start in range(0, size, 8192):
        yield b"x" * min(8192, size - start)


def test_a_handler_gets_plain_values(port: int) -> None:
    answer = ask(
        port, "POST", "/echo/a%20b?q=1&q=2&%C3%BC=%20", b"{}", Content_Type="application/json", X_Two_Words="V"
    )
    call = answer.json()
    assert ({"name": "a b"}, {"q": "1", "ü": " "}, 2) == (call["params"], call["query"], call["length"])
    assert "V" == call["headers"]["x-two-words"]
    assert set() == {name for name in call["headers"] if name != name.lower()}


@pytest.mark.parametrize(
    ("method", "path", "size", "media", "status"),
    [
        pytest.param("POST", "/nowhere", LIMIT + 1, "text/plain", 404, id="path-first"),
        pytest.param("PUT", "/echo/a", LIMIT + 1, "text/plain", 405, id="then-method"),
        pytest.param("POST", "/echo/a", LIMIT + 1, "text/plain", 413, id="then-size"),
        pytest.param("POST", "/echo/a", 1, "text/plain", 415, id="then-media"),
        pytest.param("POST", "/echo/a", 1, "application/json", 200, id="then-the-handler"),
    ],
)
def test_the_guards_stand_in_this_order(
    port: int, *, method: str, path: str, size: int, media: str, status: int
) -> None:
    assert status == ask(port, method, path, b"x" * size, Content_Type=media).status


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT, LIMIT + 1, 3 * LIMIT])
@pytest.mark.parametrize("chunked", [False, True], ids=["with-length", "chunked"])
def test_a_body_is_read_whole_up_to_the_limit_and_not_at_all_beyond(port: int, size: int, *, chunked: bool) -> None:
    body = _chunks(size) if chunked else b"x" * size
    answer = ask(port, "POST", "/echo/a", body, Content_Type="application/json")
    assert ((413, None) if size > LIMIT else (200, size)) == (answer.status, answer.json().get("length"))


@pytest.mark.parametrize("path", ["/robots.txt", "/favicon.ico", "//echo//a", "/echo/a/b", "/nowhere"])
def test_what_the_framework_keeps_to_itself_is_answered_here_too(port: int, path: str) -> None:
    answer = ask(port, "POST", path, _chunks(3 * LIMIT))
    assert (404, "application/problem+json") == (answer.status, answer.headers["Content-Type"])


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "Application/JSON", "application/json"])
def test_a_media_type_is_known_in_any_case_and_with_parameters(port: int, media: str) -> None:
    assert 200 == ask(port, "POST", "/echo/a", b"{}", Content_Type=media).status


def test_a_missing_media_type_is_named(port: int) -> None:
    answer = ask(port, "POST", "/echo/a", b"{}")
    assert (415, "Content-Type is 'missing': send application/json") == (answer.status, answer.json()["detail"])


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/echo/", id="empty-parameter"),
        pytest.param("/echo/a%2Fb", id="encoded-slash"),
        pytest.param("/echo/../fail/NotYet", id="dots"),
        pytest.param("/%2e%2e/%2e%2e/etc/passwd", id="encoded-dots"),
        pytest.param("/", id="root"),
        pytest.param("/ECHO/a", id="other-case"),
    ],
)
def test_a_path_that_is_none_of_ours_is_not_found(port: int, path: str) -> None:
    assert (
        b" 404 " in say(port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()).split(b"\r\n")[0]
    )


@pytest.mark.parametrize("name", ["%00", "%FF%FE", "%F0%9F%92%A5", "a" * 8000, "%25", "..", "%0d%0aX:1", "<script>"])
def test_a_strange_parameter_is_a_value_like_any_other(port: int, name: str) -> None:
    answer = say(port, f"GET /echo/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert b" 200 " in answer.split(b"\r\n")[0]


def test_a_parameter_with_a_star_spans_slashes(port: int) -> None:
    assert {"rest": "a/b.yaml"} == ask(port, "POST", "/files/a/b.yaml", b"").json()["params"]


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "DELETE", "TRACE", "BREW"])
def test_another_method_is_refused_with_those_that_are_allowed(port: int, method: str) -> None:
    answer = ask(port, method, "/echo/a")
    assert (405, "GET, HEAD, POST") == (answer.status, answer.headers["Allow"])


def test_head_is_get_without_the_body(port: int) -> None:
    got, head = ask(port, "GET", "/healthz"), ask(port, "HEAD", "/healthz")
    assert (200, b"", got.headers["Content-Length"]) == (head.status, head.data, head.headers["Content-Length"])


@pytest.mark.parametrize("kind", OURS, ids=[kind.__name__ for kind in OURS])
def test_each_error_of_ours_is_its_status_as_a_problem(port: int, kind: type[errors.LitmusGitopsError]) -> None:
    answer = ask(port, "GET", f"/fail/{kind.__name__}")
    assert (kind.status, "application/problem+json") == (answer.status, answer.headers["Content-Type"])
    assert {"type": "about:blank", "title": kind.title, "status": kind.status}.items() <= answer.json().items()
    assert kind.retry == ("Retry-After" in answer.headers)


def test_what_is_invalid_is_listed_by_field(port: int) -> None:
    assert [{"field": "name", "message": "missing"}] == ask(port, "GET", "/fail/Invalid").json()["problems"]


def test_too_early_is_told_from_broken_and_is_never_after_zero_seconds(port: int) -> None:
    answer = ask(port, "GET", "/fail/NotYet")
    assert (503, "true", "1") == (answer.status, answer.headers["X-Not-Yet"], answer.headers["Retry-After"])
    assert "X-Not-Yet" not in ask(port, "GET", "/fail/Unavailable").headers


@pytest.mark.parametrize("path", ["/fail/Unexpected", "/odd/newline", "/odd/unencodable", "/odd/unheard-of"])
def test_what_nobody_foresaw_is_500_without_its_text(port: int, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer = ask(port, "GET", path)
    assert (500, "application/problem+json") == (answer.status, answer.headers["Content-Type"])
    assert "something broke on our side; the log has the details" == answer.json()["detail"]
    assert "Set-Cookie" not in answer.headers
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("which", "status", "media", "body"),
    [
        pytest.param("text", 200, "text/plain; charset=utf-8", b"plain", id="text"),
        pytest.param("bytes", 201, "application/octet-stream", b"\x00\x01", id="bytes"),
        pytest.param("list", 200, "application/json", b"[1,2]", id="list"),
        pytest.param("surrogate", 200, "application/json", b'{"text": "\\ud800"}', id="surrogate"),
    ],
)
def test_an_answer_goes_out_as_its_type_says(port: int, which: str, status: int, media: str, body: bytes) -> None:
    answer = ask(port, "GET", f"/odd/{which}")
    assert (status, media, body) == (answer.status, answer.headers["Content-Type"], answer.data)


def test_an_empty_answer_has_no_body(port: int) -> None:
    assert (204, b"") == ((answer := ask(port, "GET", "/odd/nothing")).status, answer.data)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"Content-Length: 20\r\n\r\n{}", id="shorter-than-said"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n{}", id="chunk-cut"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", id="chunk-size-is-no-number"),
        pytest.param(b"Content-Length: -5\r\n\r\n{}", id="negative"),
        pytest.param(b"Content-Length: many\r\n\r\n{}", id="no-number"),
    ],
)
def test_a_broken_body_is_never_our_fault(port: int, head: bytes) -> None:
    media = b"Host: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    answer = say(port, b"POST /echo/a HTTP/1.1\r\n" + media + head)
    assert b" 50" not in answer.split(b"\r\n")[0]


def test_each_call_is_one_line_with_the_route_and_nothing_of_the_path(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(port, "POST", "/echo/sesame?q=open", b"{}", Content_Type="application/json", Authorization="Bearer abc")
    lines = [json.loads(text) for text in capsys.readouterr().err.splitlines() if text.startswith("{")]
    assert [("answered", "POST", "/echo/{name}", 200)] == [
        (line["message"], line["method"], line["route"], line["status"]) for line in lines if "route" in line
    ]
    assert not {"sesame", "open", "abc"} & set(json.dumps([one for one in lines if "route" in one]).split('"'))


def test_a_method_of_the_callers_own_is_in_no_line(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    ask(port, "SESAME", "/echo/a")
    lines = [json.loads(text) for text in capsys.readouterr().err.splitlines() if text.startswith("{")]
    assert ["_OTHER"] == [line["method"] for line in lines if "route" in line]


def test_a_quiet_answer_leaves_no_line(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert b"counted" == ask(port, "GET", "/odd/quiet").data
    assert 200 == ask(port, "GET", "/odd/text").status
    assert 1 == len([text for text in capsys.readouterr().err.splitlines() if '"answered"' in text])


def test_a_fault_that_time_will_not_mend_is_explained_in_the_log(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("Misconfigured", "NotYet", "NotFound"):
        ask(port, "GET", f"/fail/{kind}")
    explained = [text for text in capsys.readouterr().err.splitlines() if '"not done"' in text]
    assert ["Misconfigured"] == [json.loads(text)["error"] for text in explained]
