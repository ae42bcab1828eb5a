"""Errors: they survive a worker process, and each says its exit status."""

from __future__ import annotations

import copy
import pickle

import pytest

from abscope.core import errors

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.AbscopeError)
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy])
def test_an_error_comes_back_from_a_worker_with_all_it_said(kind, again):
    error = kind("a-code", "What.", where="there", expected="that", remedy="Do this.")
    found = again(error)
    assert type(error) is type(found)
    assert error.as_dict() == found.as_dict()
    assert str(error) == str(found) == "What. Where: there. Expected: that. Do this."


@pytest.mark.parametrize("kind", KINDS)
def test_refusals_leave_with_3_and_bad_usage_with_2(kind):
    expected = 3 if issubclass(kind, errors.RefusedError) else 2
    if kind is errors.AbscopeError:
        expected = 1
    assert expected == kind.exit_status
