#!/usr/bin/env bash
# Makes .venv-engines: all that .venv has (made by scripts/setup.sh test), plus what engines from
# model files need (requirements-engines.txt). torch and its libraries take about 6 GB of disk.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=".venv-engines/.installed"
wanted="$(cat requirements*.txt constraints.txt | sha256sum)"
[ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ] && exit 0
echo "Installing torch, nnU-Net and TotalSegmentator; this takes several minutes the first time."
rm -rf .venv-engines
.venv/bin/python -m venv .venv-engines
packages() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
packages .venv/bin/python > "$(packages .venv-engines/bin/python)/zz-abscope.pth"
limits="$(mktemp)"
trap 'rm -f "$limits"' EXIT
grep -v -e '^setuptools==' -e '^pip==' constraints.txt > "$limits" # torch wants a newer setuptools
.venv-engines/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
    -r requirements-engines.txt -c "$limits"
echo "$wanted" > "$stamp"
