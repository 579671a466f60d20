"""A mapping as it is in one company: as it is shipped, with what an administrator changed. Pure."""

from dataclasses import dataclass

from gateway.runs.policy import DEFAULT, Policy
from gateway.sync.mapping import TableMapping


@dataclass(frozen=True, slots=True)
class Configured:
    """``mapping`` has the changes in it; ``policy`` says how conflicts are resolved.

    ``only_coupled`` is what somebody said about records without a partner; None: as the mapping is shipped.
    ``passes_states``: a record that is blocked or inactive blocks or retires its partner.
    """

    mapping: TableMapping
    policy: Policy = DEFAULT
    only_coupled: bool | None = None
    passes_states: bool = False

    @property
    def is_as_shipped(self) -> bool:
        return self.policy == DEFAULT and self.only_coupled is None and not self.passes_states

    @property
    def makes_partners(self) -> bool:
        """Whether a run makes partners for records that nobody coupled.

        Source: Business Central, table Integration Table Mapping, "Synch. Only Coupled Records" switched off.
        """
        return not (self.mapping.only_coupled if self.only_coupled is None else self.only_coupled)
