"""What fields cost at the backends that read without a need: told by hand, and held against what they really cost by tests.

What jobs do later is not an operation's cost.
"""

from collections.abc import Mapping
from typing import Final

BESIDE: Final[Mapping[str, int]] = {
    "connection": 6,
    "coupleRecords": 12,
    "coupleSalespersons": 14,
    "couplingCandidates": 6,
    "drift": 14,
    "fullSynchronizationReview": 6,
    "importCouplings": 30,
    "ownerReadiness": 14,
    "repairDrift": 16,
    "resolveConflict": 6,
    "restoreRecord": 12,
    "retrySynchronization": 6,
    "salespersonCoupling": 8,
    "synchronizationErrors": 6,
    "synchronizationPlan": 24,
    "uncoupleRecords": 12,
    "updateAccountStatistics": 12,
    "updateProductStock": 8,
    "updateTableMapping": 4,
}
"""By root field: the most that a page, or a call with as many records as it takes, was seen to cost, and a bit more."""

DIFFERENCES: Final = 8
"""What records refer to, for all couplings of one mapping together: people, currencies, terms and methods, each side."""
