"""Who knocks is checked, what is told is handed on. Nothing is read from a backend here, and no address is followed."""

from dataclasses import dataclass
from uuid import UUID

from gateway.errors import InvalidInputError, UnauthenticatedError
from gateway.records import Backend
from gateway.triggers.hook_messages import BcChange, read_business_central, read_dataverse
from gateway.triggers.hook_store import HookStore, Registration
from gateway.triggers.hook_watch import Key
from gateway.triggers.hook_watching import Watching
from gateway.triggers.notices import News, Notices


@dataclass(frozen=True, slots=True)
class Reception:
    """What comes in at our addresses. All methods raise DatabaseError when nothing can be saved now."""

    store: HookStore
    watching: Watching
    notices: Notices

    async def registration(self, backend: Backend, id: UUID) -> Registration | None:
        """What was registered with this address; None: nothing, and nothing that is sent there has to be read."""
        registration = await self.store.get(id)
        return registration if registration is not None and registration.backend is backend else None

    async def business_central(self, registration: Registration, body: bytes) -> None:
        """Take a notification, which holds its secret itself.

        Raises:
            InvalidInputError: it cannot be read, or is about another set than was registered.
            UnauthenticatedError: it does not hold the secret of its registration.
        """
        changes = read_business_central(body)
        if not all(_is_of(registration, each) for each in changes):
            raise UnauthenticatedError("The notification does not hold the secret it was registered with.")
        for each in changes:
            if f"companies({each.company_id})/{each.set_name}".lower() != registration.resource.lower():
                raise InvalidInputError("The notification is about another set than was registered.", argument="body")
        if changes:
            _, _, name = registration.resource.partition("/")
            watch = await self.watching.current()
            keys = watch.sets.get((changes[0].company_id, name), ())
            await self._tell(
                keys, [News(registration.backend, each.record_id, each.at, each.deleted) for each in changes]
            )

    async def dataverse(self, registration: Registration, body: bytes) -> None:
        """Take a message of somebody who knew the secret.

        Raises: InvalidInputError: it cannot be read.
        """
        change = read_dataverse(body)
        watch = await self.watching.current()
        ours = registration.actor_id is not None and change.by == registration.actor_id
        news = News(registration.backend, change.record_id, change.at, change.deleted, ours)
        await self._tell(watch.tables.get(change.table, ()), [news])

    async def _tell(self, keys: tuple[Key, ...], news: list[News]) -> None:
        """What is not synchronized any more is of no interest."""
        if keys:
            await self.notices.tell(keys, news, await self.watching.current())


def _is_of(registration: Registration, change: BcChange) -> bool:
    """The subscription's name may not be known yet: it is told a moment after it was made."""
    name = registration.remote_id
    return registration.knows(change.client_state) and (name is None or change.subscription_id.lower() == name.lower())
