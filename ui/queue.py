"""The queue page: a slice of the records, twenty at a time, and what one can do to all of it."""

from collections.abc import Mapping, Sequence

import polars as pl
import streamlit as st

from curation.errors import CurationError
from curation.review import Deed, Desk, Reviewer, Slice
from curation.review.desk import Listed, new_id
from schemas.review import Decision, Duty, State
from schemas.trace import Stage
from ui.office import office
from ui.review import address
from ui.text import shown

_PAGE = 20
_VIEWS: dict[str, dict[str, list[str]]] = {
    "All": {},
    "To decide": {"state": ["pending", "draft", "stale"]},
    "To adjudicate": {"needs": ["adjudication"]},
    "Flagged": {"flagged": ["true"]},
    "Rejected": {"state": ["rejected"]},
    "Edited": {"state": ["edited"]},
}
_FIRST = ("state", "code", "source", "stage")
_MORE = ("split", "recipe", "model", "needs", "reviewer")
_DECISIONS = {Decision.ACCEPT: "Accept", Decision.REJECT: "Reject", Decision.SKIP: "Skip"}


def page(reviewer: Reviewer, here: "st.Page", reviewing: "st.Page") -> None:
    """Show the slice that the filters choose; they stand in the address, so that a view can be shared and kept."""
    desk = office().desk(reviewer)
    with st.container(horizontal=True):
        for name, query in _VIEWS.items():
            st.page_link(here, label=name, query_params=query)
    slice_ = _chosen(desk.facets(), adjudicates=desk.role.adjudicates)
    count = desk.count(slice_)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(f"{count:,} {'record' if count == 1 else 'records'}")
        st.page_link(reviewing, label="Review these", icon=":material/play_arrow:", query_params=address(slice_))
        st.space("stretch")
        number = st.pagination(-(-count // _PAGE), key="page", bind="query-params") if count > _PAGE else 1
    rows = desk.browse(slice_, number - 1, _PAGE)
    _table(rows, reviewing)
    if desk.role.adjudicates and count:
        _bulk(desk, slice_, count)


def _chosen(facets: Mapping[str, Sequence[str]], *, adjudicates: bool) -> Slice:
    """Show the filters, and return the slice that they choose. Who decided is not for those who are to look blind."""
    values = dict(facets) | {"stage": list(Stage), "state": list(State), "needs": list(Duty)}
    said: dict[str, Sequence[str]] = {}
    text, flagged = st.columns([5, 1], vertical_alignment="bottom")
    words = text.text_input("Words in the question or a stage", key="text", bind="query-params")
    marked = flagged.toggle("Flagged", key="flagged", bind="query-params")
    names = [*_FIRST, *(_MORE if adjudicates else _MORE[:3])]
    columns = st.columns(len(_FIRST))
    more = st.expander("More filters", expanded=any(name in st.query_params for name in _MORE))
    columns += more.columns(len(_MORE))
    for name, column in zip(names, columns, strict=False):
        options = [str(value) for value in values.get(name, [])]
        with column:
            said[name] = st.multiselect(name.capitalize(), options, key=name, bind="query-params", placeholder="any")
    return Slice.from_query(said | {"text": [words or ""], "flagged": ["true"] if marked else []})


def _table(rows: Sequence[Listed], reviewing: "st.Page") -> None:
    """Show the records; choosing one opens it."""
    frame = pl.DataFrame(
        {
            "question": [shown(row.question, 200) for row in rows],
            "state": [str(row.place.state) for row in rows],
            "needs": [str(row.place.needs or "") for row in rows],
            "issues": [", ".join(row.codes) for row in rows],
            "record": [row.place.sample_id for row in rows],
            "turn": [row.place.turn + 1 for row in rows],
        }
    )
    chosen = st.dataframe(
        frame,
        on_select="rerun",
        selection_mode="single-row",
        height="content",
        hide_index=True,
        column_config={
            "question": st.column_config.TextColumn(width="large"),
            "issues": st.column_config.TextColumn(width="medium"),
        },
        key="rows",
    )
    for number in chosen["selection"]["rows"]:
        place = rows[number].place
        st.switch_page(reviewing, query_params={"sample": place.sample_id, "turn": str(place.turn)})


def _bulk(desk: Desk, slice_: Slice, count: int) -> None:
    """Decide on the whole slice: asked for with the count, and undone as one."""
    with st.expander(f"Decide on all {count:,}"):
        decision = st.radio(
            "What", list(_DECISIONS), format_func=_DECISIONS.__getitem__, horizontal=True, key="decision"
        )
        reason = st.text_input("Why", key="why", placeholder="a rejection needs a reason")
        lacking = decision is Decision.REJECT and not (reason or "").strip()
        if st.button(f"{_DECISIONS[decision]} all…", disabled=lacking):
            st.session_state["asked"] = (decision, reason, count)
        if st.session_state.get("asked") == (decision, reason, count):
            st.warning(f"{_DECISIONS[decision]} {count:,} records?")
            st.button(
                f"Yes, {decision} {count:,}",
                on_click=_decide,
                args=(desk, slice_, decision, reason, count),
                type="primary",
            )
    if done := st.session_state.get("bulk"):
        group, said = done
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(said)
            if group:
                st.button("Undo all of it", on_click=_undo, args=(desk, group))


def _decide(desk: Desk, slice_: Slice, decision: Decision, reason: str, count: int) -> None:
    st.session_state.pop("asked", None)
    try:
        done = desk.bulk(slice_, decision, reason, expected=count)
    except CurationError as error:
        st.session_state["bulk"] = "", str(error)
        return
    left = f"; {done.left:,} are with others, or take an adjudicator" if done.left else ""
    st.session_state["bulk"] = done.group, f"{done.done:,} records: {decision}{left}."


def _undo(desk: Desk, group: str) -> None:
    done = desk.carry_out([Deed(id=new_id(), act="undo", undoes=group)])[0]
    st.session_state["bulk"] = "", done.fault or "Undone."
