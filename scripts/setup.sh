#!/usr/bin/env bash
# Makes .venv with the pinned packages:  scripts/setup.sh run|test
# "test" also installs what the tests need from Debian (Chromium, LibreOffice, dicom3tools), as root.
set -euo pipefail
cd "$(dirname "$0")/.."
kind="${1:-run}"

python=""
for candidate in python3.11 python3; do
    if command -v "$candidate" >/dev/null && "$candidate" -c \
        'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        python="$candidate"
        break
    fi
done
if [ -z "$python" ]; then
    echo "Abscope needs Python 3.11. On Debian 12: apt-get install python3 python3-venv" >&2
    exit 1
fi

apt_install() {
    if [ "$(id -u)" -ne 0 ]; then
        return 1
    fi
    echo "Installing from Debian: $*"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    if ! "$python" -m venv .venv 2>/dev/null; then
        rm -rf .venv
        apt_install python3-venv || {
            echo "Python's venv is missing. Run: sudo apt-get install python3-venv" >&2
            exit 1
        }
        "$python" -m venv .venv
    fi
fi

requirements=requirements.txt
[ "$kind" = test ] && requirements=requirements-dev.txt
stamp=".venv/.installed-$kind"
wanted="$(cat requirements*.txt constraints.txt | sha256sum)"
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
    echo "Installing the pinned packages ($requirements); this takes a few minutes the first time."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        -r "$requirements" -c constraints.txt
    echo "$wanted" > "$stamp"
fi
# Compile the numerical kernels once, so that the first person does not wait for them. numba keeps
# them as long as path, time and size of their source stay.
kernels="$(grep -rlE 'numba|compiled' abscope --include='*.py' | sort)"
# shellcheck disable=SC2086 # a list of paths without spaces
warm="$wanted $(stat -c "$PWD/%n %Y %s" $kernels scripts/warm_up.py | sha256sum)"
if [ "$(cat .venv/.warm 2>/dev/null || true)" != "$warm" ]; then
    .venv/bin/python scripts/warm_up.py
    echo "$warm" > .venv/.warm
fi

if [ "$kind" = test ]; then
    packages=()
    command -v chromium >/dev/null || packages+=(chromium)
    command -v soffice >/dev/null || packages+=(libreoffice-impress)
    command -v pdftoppm >/dev/null || packages+=(poppler-utils)
    command -v dciodvfy >/dev/null || packages+=(dicom3tools)
    if [ "${#packages[@]}" -gt 0 ] && ! apt_install "${packages[@]}"; then
        echo "Left out, as this is not root: the tests that need ${packages[*]}."
        if [ -n "${CI:-}" ]; then
            echo "CI must not leave tests out." >&2
            exit 1
        fi
    fi
fi
