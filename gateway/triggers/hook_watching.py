"""What is listened to, as mappings are set up at present."""

from uuid import UUID

from gateway.runs.settings import MappingSettings
from gateway.triggers.hook_store import HookStore
from gateway.triggers.hook_watch import Watch, watch


class Watching:
    """Of the company of the settings, and of those in which something was synchronized."""

    def __init__(self, settings: MappingSettings, store: HookStore, company: UUID) -> None:
        self._settings = settings
        self._store = store
        self._company = company
        self._watch: Watch | None = None

    async def current(self) -> Watch:
        """As it was when it was looked at last, which is done every few minutes. Raises: DatabaseError."""
        return self._watch or await self.refresh()

    async def refresh(self) -> Watch:
        """Raises: DatabaseError."""
        companies = dict.fromkeys([self._company, *await self._store.companies()])
        self._watch = watch({company: await self._settings.all(company) for company in companies})
        return self._watch
