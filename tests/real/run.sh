#!/bin/sh
# Every claim marked `real`, against a kube-apiserver built here once; says so where it cannot be built.
set -eu
cd "$(dirname "$0")/../.."
if ! command -v go >/dev/null; then
    echo "test-real: not run, go is not installed"
    exit 0
fi
python=.venv/bin/python
nice -n 10 "$python" -m tests.real.build
exec "$python" -m pytest -m real "$@"
