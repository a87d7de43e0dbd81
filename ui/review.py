"""The review page: a record, and what one decides on it."""

from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import streamlit as st
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

from curation.errors import CurationError
from curation.review import Reviewer, Slice
from ui import plain, reception
from ui.office import office
from ui.seat import Seat

_WITHIN = "within"
_WIDGET = "curation_record"
_LOADER = """
export default async function (component) {
  const { mount } = await import(new URL("/widget/record.js", document.baseURI).href);
  return mount(component);
}
"""
_STYLE = (Path(__file__).parent / "widget/record.css").read_text("utf-8")
_record = st.components.v2.component(_WIDGET, js=_LOADER, css=_STYLE)


@st.cache_resource(scope="session", max_entries=1, show_spinner=False, on_release=Seat.leave)
def _seat(workspace: str, reviewer: Reviewer, query: tuple[tuple[str, tuple[str, ...]], ...]) -> Seat:  # noqa: ARG001
    """Return this visit's place; `workspace` tells those of one server from those of the next in the same process."""
    context = get_script_run_ctx()
    assert context is not None, "a page is run for a session"
    connected = partial(get_instance().is_active_session, context.session_id)
    return office().seat(reviewer, Slice.from_query(dict(query)), connected)


def leave() -> None:
    """Give the records back: another page is on the screen."""
    _seat.clear()


def page(reviewer: Reviewer) -> None:
    """Show the records of the slice that the address names, one after another."""
    try:
        slice_ = Slice.from_query(_query())
    except CurationError as error:
        st.error("The address asks for something that is not there.")
        st.text(str(error))
        return
    seat = _seat(
        str(office().options.workspace),
        reviewer,
        tuple((name, tuple(values)) for name, values in slice_.to_query().items()),
    )
    _open_named(seat)
    if st.query_params.get("plain"):
        plain.form(seat)
    else:
        st.html(_FULL)
        st.html(_OPENING)
        seat.look_anew()
        seat.fill()
        _fast(seat)


def address(slice_: Slice) -> dict[str, str]:
    """Return the parameters of a link from a page whose filters are bound to the address: those, Streamlit drops."""
    return {_WITHIN: urlencode(slice_.to_query(), doseq=True)}


def _query() -> dict[str, list[str]]:
    """Return the slice that the address names, in one parameter or in one for each filter."""
    within = parse_qs(st.query_params.get(_WITHIN, ""))
    return within or {name: st.query_params.get_all(name) for name in st.query_params}


def _open_named(seat: Seat) -> None:
    """Put the record in front that the address names, once."""
    named = st.query_params.get("sample"), st.query_params.get("turn", "0")
    if named[0] and st.session_state.get("opened") != (seat, named):
        st.session_state["opened"] = seat, named
        try:
            seat.open(named[0], int(named[1]))
        except (CurationError, ValueError):
            st.warning("The record that the address names is not in this workspace.")


@st.fragment
def _fast(seat: Seat) -> None:
    def heard() -> None:
        try:
            office().check()
            if reception.who() == seat.desk.reviewer:
                seat.receive(st.session_state[_WIDGET]["message"])
        except CurationError as error:
            st.session_state["fault"] = str(error)  # the browser says it again

    if reception.who() != seat.desk.reviewer:
        st.rerun()  # the pass has run out; what was not kept waits in the browser
    _record(key=_WIDGET, data=seat.data() | {"fault": st.session_state.pop("fault", "")}, on_message_change=heard)


_OPENING = '<p class="opening">Opening the desk…</p>'
_FULL = """<style>
.stMainBlockContainer { padding: 3.75rem 0 0; }
.stMainBlockContainer > div > .stVerticalBlock, .stMainBlockContainer .stVerticalBlock { gap: 0; }
.stMain { overflow: hidden; }
.opening { position: absolute; top: 40vh; width: 100%; text-align: center; opacity: .6; }
[data-desk] .opening { display: none; }
</style>"""
