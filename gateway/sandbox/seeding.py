"""The demo company put into the stores of both simulators, unless they hold it already.

A part of the customers after the other, so that what both backends say about them is made once and memory stays flat.
"""

from contextlib import ExitStack

from gateway.sandbox.company.demo import DemoCompany
from gateway.sandbox.store import Store


def seed(company: DemoCompany, *, business_central: Store, dataverse: Store) -> None:
    """Fill the stores that hold something else, or nothing."""
    sides = ((business_central, company.business_central), (dataverse, company.dataverse))
    stale = [(store, sets) for store, sets in sides if store.fingerprint != company.fingerprint]
    with ExitStack() as filling:
        for store, _ in stale:
            store.clear()
            filling.enter_context(store.filling())
        for part in company.parts() if stale else ():
            for store, sets in stale:
                for name, rows in sets(part):
                    store.seed(name, rows)
    for store, _ in stale:
        store.fingerprint = company.fingerprint
