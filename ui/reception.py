"""Who is there: whoever has a pass, has logged in with the provider, or sits at this machine."""

import streamlit as st

from curation.review import Reviewer
from ui.doors import known
from ui.office import office


def who() -> Reviewer | None:
    """Return who is there, None for somebody whom we don't know."""
    here = office()
    people = here.people()
    if people is None:
        return here.someone()
    if not here.single_sign_on:
        return known(here, st.context.cookies)
    return people.by_email(str(st.user.get("email", ""))) if st.user.is_logged_in else None


def ask() -> None:
    """Ask somebody whom we don't know to log in."""
    st.title("Review")
    if not office().single_sign_on:
        st.text("Your pass has run out. Load this page again to come in; what you decided is kept.")
    elif st.user.is_logged_in:
        st.text(f"{st.user.get('email', 'This address')} is not among the reviewers of this workspace.")
        st.button("Log out", on_click=st.logout)
    else:
        st.button("Log in", type="primary", on_click=st.login)
