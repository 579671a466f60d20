"""Change tracking: a listing that ends in a delta link, and what changed since such a link was given.

    GET accounts?$select=name   Prefer: odata.track-changes     every row; the last page has @odata.deltaLink
    GET accounts?$select=name&$deltatoken=8120500!05/04/…       rows written since, then rows deleted since

A link stands for the version of the store when the first page was read: what is written while the pages are read comes
again with the next link. The pages of a delta end at the version that its first page saw.

Source: Dataverse, Use change tracking to synchronize data with external systems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.sandbox.dataverse.access import require_everywhere
from gateway.sandbox.dataverse.address import Address
from gateway.sandbox.dataverse.cookie import Cookie, CookieError, read_cookie, write_cookie
from gateway.sandbox.dataverse.delta_token import DeltaToken, read_token
from gateway.sandbox.dataverse.errors import invalid_url, not_tracked
from gateway.sandbox.dataverse.operation import Answer, Operation
from gateway.sandbox.dataverse.options import query_pairs, query_without
from gateway.sandbox.dataverse.preferences import MAX_PAGE_SIZE
from gateway.sandbox.dataverse.query import Query, describe, read_query
from gateway.sandbox.dataverse.reading import MAX_COUNT, both, count_facts
from gateway.sandbox.dataverse.rendering import render
from gateway.sandbox.expression import Comparison, Expression, Literal, OrderItem, Path
from gateway.sandbox.journal import Deletion
from gateway.sandbox.model import EntitySet
from gateway.sandbox.store import Row

_REFUSED = ("$filter", "$orderby", "$expand", "$top")
_ALLOWED = frozenset({"$select", "$count"})
_PREFERENCE = {"Preference-Applied": "odata.track-changes"}
_VERSION = Path(("versionnumber",))
_TOKEN, _CHANGED, _DELETED = "deltatoken", "versionnumber", "deletedversion"


@dataclass(frozen=True, slots=True)
class _Page:
    """What one answer holds; `marks` is where the next page starts, None on the last one."""

    until: DeltaToken
    rows: Sequence[Row]
    deleted: Sequence[Deletion] = ()
    marks: Mapping[str, str] | None = None


def changes(operation: Operation, address: Address) -> Answer | None:
    """The answer to a request that tracks changes; None when this one does not.

    Raises:
        DataverseError: the table is not tracked, an option is refused, the token has expired, or not every row may be
            read.
    """
    if address.key is not None or address.suffix == "$ref":
        return None
    options = dict(query_pairs(operation.request.query))
    cookie = _tracking_cookie(options.get("$skiptoken"))
    starts = operation.preferences.track_changes and not address.suffix and "$skiptoken" not in options
    if not starts and cookie is None and "$deltatoken" not in options:
        return None
    query = _query(operation, address.entity_set, options)
    require_everywhere(operation, address.entity_set)
    with operation.store.transaction():
        if "$deltatoken" not in options:
            return _listing(operation, address.entity_set, query, cookie=cookie)
        since = read_token(options["$deltatoken"])
        since.check(operation.store, now=operation.viewpoint.now, tracking=operation.tracking)
        if address.suffix:
            return Answer(200, str(_count(operation, address.entity_set, since=since)))
        return _delta(operation, address.entity_set, query, since=since, cookie=cookie)


def is_tracked(entity_set: EntitySet) -> bool:
    """`ChangeTrackingEnabled` of a table."""
    return entity_set.extra.get("changeTracking") is not False


def _tracking_cookie(text: str | None) -> Cookie | None:
    try:
        cookie = read_cookie(text) if text is not None else None
    except CookieError as error:
        raise invalid_url(str(error)) from error
    return cookie if cookie is not None and cookie.tracking else None


def _query(operation: Operation, entity_set: EntitySet, options: Mapping[str, str]) -> Query:
    if not is_tracked(entity_set):
        raise not_tracked(entity_set.entity)
    for name in _REFUSED:
        if name in options:
            raise invalid_url(f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.')
    return read_query(
        query_without(query_without(operation.request.query, "$skiptoken"), "$deltatoken"),
        entity_set,
        model=operation.model,
        viewpoint=operation.viewpoint,
        allowed=_ALLOWED,
    )


def _listing(operation: Operation, entity_set: EntitySet, query: Query, *, cookie: Cookie | None) -> Answer:
    """A page of every row there is."""
    until, after = _now(operation), None
    if cookie is not None:
        until, after = read_token(cookie.last.get(_TOKEN)), (_mark(cookie, entity_set.key),)
    limit = _page_size(operation)
    rows = operation.store.select(entity_set.name, limit=limit + 1, after=after)
    marks = {entity_set.key: str(rows[limit - 1][entity_set.key])} if len(rows) > limit else None
    page = _Page(until, rows[:limit], marks=marks)
    facts = count_facts(operation, lambda: operation.store.count(entity_set.name), asked=query.count)
    return _answer(operation, entity_set, query, page=page, cookie=cookie, facts=facts, ending="")


def _delta(
    operation: Operation, entity_set: EntitySet, query: Query, *, since: DeltaToken, cookie: Cookie | None
) -> Answer:
    """A page of what changed after `since`: rows by version, then deletions by version."""
    until = read_token(cookie.last.get(_TOKEN)) if cookie is not None else _now(operation)
    page = _changed(operation, entity_set, since=since, until=until, cookie=cookie)
    facts = count_facts(operation, lambda: _count(operation, entity_set, since=since), asked=query.count)
    return _answer(operation, entity_set, query, page=page, cookie=cookie, facts=facts, ending="/$delta")


def _changed(
    operation: Operation, entity_set: EntitySet, *, since: DeltaToken, until: DeltaToken, cookie: Cookie | None
) -> _Page:
    store, limit = operation.store, _page_size(operation)
    rows: list[Row] = []
    gone_after = since.version
    if cookie is not None and _DELETED in cookie.last:
        gone_after = _version_mark(cookie, _DELETED)
    else:
        after = _version_mark(cookie, _CHANGED) if cookie is not None else since.version
        within = _between(after, until.version)
        rows = store.select(entity_set.name, where=within, order=[OrderItem(_VERSION)], limit=limit + 1)
    if len(rows) > limit:
        return _Page(until, rows[:limit], marks={_CHANGED: str(rows[limit - 1].version)})
    room = limit - len(rows)
    gone = store.deletions(entity_set.name, after=gone_after, until=until.version, limit=room + 1)
    if len(gone) <= room:
        return _Page(until, rows, gone)
    return _Page(until, rows, gone[:room], marks={_DELETED: str(gone[room - 1].version if room else gone_after)})


def _count(operation: Operation, entity_set: EntitySet, *, since: DeltaToken) -> int:
    """How many rows changed and how many are gone, to 5,000."""
    changed = operation.store.count(entity_set.name, where=_between(since.version, operation.store.version))
    gone = operation.store.deletions(entity_set.name, after=since.version, limit=MAX_COUNT)
    return min(changed + len(gone), MAX_COUNT)


def _answer(
    operation: Operation,
    entity_set: EntitySet,
    query: Query,
    *,
    page: _Page,
    cookie: Cookie | None,
    facts: Mapping[str, object],
    ending: str,
) -> Answer:
    table = f"{operation.root}$metadata#{entity_set.name}"
    gone = [
        {"@odata.context": f"{table}/$deletedEntity", "id": deletion.key, "reason": "deleted"}
        for deletion in page.deleted
    ]
    document = {
        "@odata.context": f"{table}{describe(query.select, ())}{ending}",
        **facts,
        **_link(operation, entity_set, page=page, cookie=cookie),
        "value": [*render(operation, entity_set, page.rows, select=query.select), *gone],
    }
    return Answer(200, document, headers=_PREFERENCE if operation.preferences.track_changes else {})


def _link(operation: Operation, entity_set: EntitySet, *, page: _Page, cookie: Cookie | None) -> dict[str, object]:
    """The link to the next page, or on the last page the one to later changes."""
    kept = query_without(operation.request.query, "$skiptoken")
    if page.marks is None:
        name, options = "deltaLink", [query_without(kept, "$deltatoken"), f"$deltatoken={page.until.in_url}"]
    else:
        marks = {_TOKEN: str(page.until), **page.marks}
        token = write_cookie(cookie.page + 1 if cookie else 2, first=marks, last=marks, tracking=True)
        name, options = "nextLink", [kept, f"$skiptoken={token}"]
    return {f"@odata.{name}": f"{operation.root}{entity_set.name}?{'&'.join(filter(None, options))}"}


def _now(operation: Operation) -> DeltaToken:
    return DeltaToken(operation.store.version, operation.viewpoint.now.replace(microsecond=0))


def _page_size(operation: Operation) -> int:
    return operation.preferences.page_size or MAX_PAGE_SIZE


def _between(after: int, until: int) -> Expression | None:
    later = Comparison("gt", _VERSION, Literal(after, "Edm.Int64"))
    return both(later, Comparison("le", _VERSION, Literal(until, "Edm.Int64")))


def _mark(cookie: Cookie, name: str) -> str:
    """Where the page before ended. Raises: DataverseError when the cookie is of another request."""
    value = cookie.last.get(name)
    if value is None:
        raise invalid_url("The paging cookie does not belong to this query.")
    return value


def _version_mark(cookie: Cookie, name: str) -> int:
    value = _mark(cookie, name)
    if not value.isdecimal():
        raise invalid_url("The paging cookie does not belong to this query.")
    return int(value)
