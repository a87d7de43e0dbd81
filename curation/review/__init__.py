"""The review desk: everything that the app does, and that a script can do as well.

    desk = Desk(store, Reviewer("ada"))
    for view in desk.take(Slice(), 3):                        # leased to ada
        desk.carry_out([Deed(id=new_id(), act="review", decision="accept", sample_id=..., turn=..., trace_id=...)])

Every decision is an event; how a record stands is derived from its events (`curation.votes`). What is said twice under
one id is done once.
"""

from curation.review.deeds import ROLES, Deed, Done, Reviewer, Role
from curation.review.desk import Desk
from curation.review.terms import Terms, terms_of
from curation.review.views import Ticket, View
from curation.store.slices import Slice

__all__ = ["ROLES", "Deed", "Desk", "Done", "Reviewer", "Role", "Slice", "Terms", "Ticket", "View", "terms_of"]
