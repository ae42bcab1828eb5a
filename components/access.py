"""Who may see a page. The first statement of every page is ``require("<page>")``.

Streamlit serves a deep link such as ``/dose`` on a fresh server by running that page alone, without
app.py (measured-facts 10). So every page asks here first, and a page that was reached without
app.py is sent through it.

By default there is one local user, as the server listens on loopback. With an ``[auth]`` section
in ``.streamlit/secrets.toml`` people sign in by OpenID Connect (`st.login`).
"""

from __future__ import annotations

import os

import streamlit as st

from abscope.workflows.context import Actor
from components import state

#: Comma-separated sign-in names of people who see the admin page.
ADMINS_VARIABLE = "ABSCOPE_ADMINS"
#: Set to 1 to refuse everybody until sign-in is configured (a server that others can reach).
SIGN_IN_VARIABLE = "ABSCOPE_REQUIRE_SIGN_IN"
_ADMIN_PAGES = frozenset({"admin"})


def require(page: str) -> Actor:
    """Return the person who may see `page`; otherwise show why not and stop the script."""
    actor = sign_in()
    if actor is None:
        st.stop()
    if not state.is_entered():
        state.want_page(page)
        st.switch_page("app.py")
    if page in _ADMIN_PAGES and "admin" not in actor.roles:
        st.error("This page is for administrators.", icon=":material/lock:")
        st.write("Ask the person who runs this server to add your sign-in name to the admins.")
        st.stop()
    return actor


def sign_in() -> Actor | None:
    """Return the person using this session, None after drawing the sign-in screen."""
    if not _sign_in_configured():
        if os.environ.get(SIGN_IN_VARIABLE) == "1":
            _refuse_unconfigured()
            return None
        return Actor(name="local", roles=frozenset({"clinician", "admin"}))
    if not st.user.is_logged_in:
        _sign_in_screen()
        return None
    name = str(st.user.get("email") or st.user.get("sub") or "")
    if not name:
        st.error("The sign-in service gave no name. Ask its administrator for the email claim.")
        return None
    admins = {part.strip() for part in os.environ.get(ADMINS_VARIABLE, "").split(",")}
    roles = {"clinician"} | ({"admin"} if name in admins else set())
    return Actor(name=name, roles=frozenset(roles))


def _sign_in_configured() -> bool:
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False


def _sign_in_screen() -> None:
    st.title("Abscope")
    st.write("Radiotherapy and immunotherapy on one case.")
    st.write("Sign in with your hospital account to open the worklist.")
    st.button("Sign in", key="access.sign_in", type="primary", on_click=st.login)


def _refuse_unconfigured() -> None:
    st.title("Abscope")
    st.error("Sign-in is required here and not configured yet.", icon=":material/lock:")
    st.write(
        "Administrator: add an [auth] section to .streamlit/secrets.toml, see docs/deployment.md."
    )
