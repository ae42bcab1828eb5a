#!/usr/bin/env bash
# Writes constraints.txt from the packages that are installed in .venv now.
set -euo pipefail
cd "$(dirname "$0")/.."
{
    echo "# Every package with its version, as tried together on Python 3.11; made by scripts/lock.sh."
    .venv/bin/python -m pip freeze --local | grep -v -e '^-e ' -e ' @ ' -e '^uv=='
} > constraints.txt
