"""A mapping as it is in one company: as it is shipped, with what an administrator changed. Pure."""

from dataclasses import dataclass

from gateway.errors import ErrorCode, RefusalError
from gateway.runs.changes import NO_CHANGE, MappingChange, with_changes
from gateway.runs.policy import DEFAULT, Policy
from gateway.sync.mapping import TableMapping


@dataclass(frozen=True, slots=True)
class Configured:
    """``mapping`` has the changes in it; ``policy`` says how conflicts are resolved.

    ``change`` is what was changed of ``shipped``, which is the mapping itself when nothing was. ``usual`` is the policy as long
    as nobody changed it.
    """

    mapping: TableMapping
    policy: Policy = DEFAULT
    change: MappingChange = NO_CHANGE
    shipped: TableMapping | None = None
    usual: Policy = DEFAULT

    @classmethod
    def of(
        cls,
        shipped: TableMapping,
        policy: Policy | None = None,
        change: MappingChange = NO_CHANGE,
        usual: Policy = DEFAULT,
    ) -> "Configured":
        return cls(with_changes(shipped, change), usual if policy is None else policy, change, shipped, usual)

    def again(self, policy: Policy, change: MappingChange) -> "Configured":
        """The same mapping with another policy and other changes."""
        return Configured.of(self.origin, policy, change, self.usual)

    @property
    def origin(self) -> TableMapping:
        """The mapping as it is shipped."""
        return self.shipped or self.mapping

    @property
    def enabled(self) -> bool:
        """Whether it is synchronized at all."""
        return self.change.enabled

    @property
    def makes_partners(self) -> bool:
        """Whether a run makes partners for records that nobody coupled.

        Source: Business Central, table Integration Table Mapping, "Synch. Only Coupled Records" switched off.
        """
        return not self.mapping.only_coupled

    @property
    def passes_states(self) -> bool:
        """Whether a record that is blocked or inactive blocks or retires its partner."""
        return self.change.pass_states

    @property
    def is_as_shipped(self) -> bool:
        return self.policy == self.usual and self.change == NO_CHANGE

    def require_enabled(self) -> None:
        """Raises: RefusalError, when an administrator switched the mapping off."""
        if not self.enabled:
            raise RefusalError(
                ErrorCode.MAPPING_DISABLED,
                f"The mapping {self.mapping.name} is switched off in this company, so nothing of it is synchronized.",
                hint="Switch it on with updateTableMapping, enabled: true.",
                argument="mapping",
            )
