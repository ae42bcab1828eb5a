"""Deep links on a server that nobody has visited yet: never past the sign-in (measured-facts 10).

That every page asks first is read from the syntax trees in tests/architecture; here a real server
and a real browser show that asking is enough.
"""

from __future__ import annotations

import contextlib
import shutil
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.browser.served import Visitor, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: That every page asks is read from its syntax tree; a browser tries one of each kind, and all of
#: them in `make test-long`.
PAGES = ("worklist", "dose", "admin")
ALL_PAGES = (
    "worklist", "upload", "contours", "dose", "labs", "response", "pneumonitis", "what_if", "board",
    "admin",
)  # fmt: skip
CASE = "dose-only"
#: What only a signed-in person may read: the name and id of the case, its structures, the titles.
PRIVATE = ("PHANTOM", "Cylinder", "No case", "Worklist", "Dose-volume", "Audit trail", "60 Gy")
SECRETS = """
[auth]
redirect_uri = "http://localhost:1/oauth2callback"
cookie_secret = "not-a-secret-of-anybody-0123456789abcdef"
client_id = "abscope-test"
client_secret = "not-a-secret-either"
server_metadata_url = "http://127.0.0.1:1/.well-known/openid-configuration"
"""


@contextlib.contextmanager
def fresh_server(filled, folder, how):
    """A server nobody has visited, with cases in it, that asks for sign-in in one of two ways."""
    home = folder / "home"
    shutil.copytree(filled, home)
    if how == "configured":
        secrets = folder / "secrets.toml"
        secrets.write_text(SECRETS)
        with serving(home, options=("--secrets.files", str(secrets))) as server:
            yield server
    else:
        with serving(home, env={"ABSCOPE_REQUIRE_SIGN_IN": "1"}) as server:
            yield server


def assert_only_the_sign_in_screen(visitor, how):
    visitor.settle()
    if how == "configured":
        visitor.sees("Sign in with your hospital account")
        assert visitor.key("access.sign_in").count() == 1
    else:
        visitor.sees("Sign-in is required here and not configured yet.")
    text = visitor.main.inner_text()
    for words in PRIVATE:
        assert words not in text, words
    for drawn in ("stDataFrame", "stPlotlyChart", "stFileUploader", "stMetric", "stSlider"):
        assert visitor.page.get_by_test_id(drawn).count() == 0, drawn
    assert visitor.page.locator(".abv").count() == 0


@pytest.mark.parametrize(
    ("how", "pages"),
    [
        ("configured", PAGES),
        ("required", ("dose",)),
        pytest.param("configured", ALL_PAGES, marks=pytest.mark.long, id="every page"),
    ],
)
def test_no_address_leads_past_the_sign_in(chromium, filled, tmp_path, how, pages):
    with fresh_server(filled, tmp_path, how) as server:
        # app.py has not run before any of these: the server stays fresh until the last block.
        for name in pages:
            visitor = Visitor(chromium, server)
            visitor.open(f"{name}?case={CASE}")
            assert_only_the_sign_in_screen(visitor, how)
            visitor.check()
            visitor.close()
        visitor = Visitor(chromium, server)
        for path in ("", f"dose?case={CASE}", f"no_such_page?case={CASE}"):
            visitor.open(path)
            assert_only_the_sign_in_screen(visitor, how)
        visitor.check()
        visitor.close()
        for path in ("pages/dose.py", "app.py", "app/static/abscope.sqlite"):
            assert b"require(" not in answer_to(f"{server.address}/{path}")


def answer_to(url):
    try:
        with urlopen(url, timeout=60) as answer:
            return answer.read()
    except HTTPError as refused:
        with refused:
            return b""


def test_without_sign_in_a_deep_link_on_a_fresh_server_ends_on_its_page(chromium, filled, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(filled, home)
    with serving(home) as server:
        visitor = Visitor(chromium, server)
        visitor.open(f"dose?case={CASE}")
        visitor.sees("Dose-volume histogram")  # through app.py, with the case of the address
        visitor.sees("PHANTOM")
        nav = visitor.page.get_by_test_id("stSidebarNav")
        assert "Worklist" in nav.inner_text()
        assert visitor.page.url.split("?")[0].endswith("/dose")
        assert visitor.case_id() == CASE
        visitor.page.reload()
        visitor.settle()
        visitor.sees("Dose-volume histogram")
        visitor.check()
        visitor.close()
