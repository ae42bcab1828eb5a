"""Runs one command: JSON or plain words on standard output, messages on standard error."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from abscope.cli import commands
from abscope.cli.parser import parse
from abscope.cli.text import as_text
from abscope.core.errors import AbscopeError
from abscope.workflows.context import open_context

#: What a shell expects of a program that was stopped by Ctrl-C: 128 + SIGINT.
INTERRUPTED_STATUS = 130
INTERRUPTED = "Interrupted. What this command had not finished is not stored."


def main(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status: 0 done, 2 bad usage, 3 refused, 130 interrupted."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        sys.stderr.write(f"{INTERRUPTED}\n")
        return INTERRUPTED_STATUS


def _run(arguments: Sequence[str]) -> int:
    wants_json = "--json" in arguments
    try:
        given = parse(arguments)
        if given.command == "serve":
            return commands.serve(given)
        alone = commands.without_archive(given.command)
        result = alone(given) if alone else _in_archive(given)
    except AbscopeError as error:
        return _failed(error, {}, wants_json)
    failure = result.pop("_error", None)
    if isinstance(failure, AbscopeError):
        return _failed(failure, result, wants_json)
    _write(json.dumps(result, ensure_ascii=False) if wants_json else as_text(result))
    return 0


def _in_archive(given: argparse.Namespace) -> dict[str, Any]:
    context = open_context()
    try:
        if context.archive.upgraded:
            sys.stderr.write(f"{context.archive.upgraded}\n")
        return commands.command(given.command)(context, given)
    finally:
        context.archive.close()


def _failed(error: AbscopeError, rest: dict[str, Any], wants_json: bool) -> int:
    sys.stderr.write(f"{error}\n")
    if wants_json:
        _write(json.dumps({"error": error.as_dict()} | rest, ensure_ascii=False))
    elif rest:
        _write(as_text(rest))
    return error.exit_status


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
