"""What is the same for all pages of a run, and for those of a dry run."""

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from dataclasses import field as attribute
from uuid import UUID

from gateway.runs.choices import Choice
from gateway.runs.configured import Configured
from gateway.runs.planning import NO_CHOICES, Wanted
from gateway.runs.policy import Policy
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping


@dataclass(frozen=True, slots=True)
class Setting:
    """
    ``everything``: pairs are compared as if both records had changed, whatever their versions say. ``choices`` are a person's,
    for the one coupling that it is about.
    """

    desk: Desk
    configured: Configured
    run: UUID
    wanted: Wanted = Wanted.MERGE
    everything: bool = False
    choices: ReadOnly[str, Choice] = attribute(default_factory=lambda: NO_CHOICES)

    @property
    def mapping(self) -> TableMapping:
        return self.configured.mapping

    @property
    def policy(self) -> Policy:
        return self.configured.policy

    @property
    def dry_run(self) -> bool:
        """Whether nothing is written, see :mod:`gateway.runs.dry_run`."""
        return self.desk.asking.dry_run
