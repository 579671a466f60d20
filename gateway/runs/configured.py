"""A mapping as it is in one company: as it is shipped, with what an administrator changed. Pure."""

from dataclasses import dataclass

from gateway.runs.policy import DEFAULT, Policy
from gateway.sync.mapping import TableMapping


@dataclass(frozen=True, slots=True)
class Configured:
    """``mapping`` has the changes in it; ``policy`` says how conflicts are resolved."""

    mapping: TableMapping
    policy: Policy = DEFAULT

    @property
    def is_as_shipped(self) -> bool:
        return self.policy == DEFAULT
