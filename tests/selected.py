"""What a policy of ours takes of a workspace."""

from collections.abc import Sequence

from sqlalchemy import Connection

from curation import policies
from curation.selection import Chosen, Selection


def releasable(records: Connection, policy: str, only: Sequence[str] = ()) -> list[Chosen]:
    """Return the samples, by id, with what is taken of each and what is not."""
    return list(Selection(records, policies.get(policy), only).chosen())
