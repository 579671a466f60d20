"""Our subscriptions at Business Central: one for each set that is pulled, each with an address and a secret of its own."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from pydantic import SecretStr

from gateway.clients.call import Call
from gateway.clients.subscriptions import Subscription, Subscriptions
from gateway.errors import BackendError, NotFoundError
from gateway.records import Backend
from gateway.triggers.hook_plan import MARGIN, plan
from gateway.triggers.hook_store import HookStore, Registration, hash_of

_BC = Backend.BUSINESS_CENTRAL


@dataclass(frozen=True, slots=True)
class BusinessCentralHooks:
    """``root`` is the address below which we are told, with a solidus at its end."""

    subscriptions: Subscriptions
    store: HookStore
    root: str

    async def look(self, wanted: Collection[str], *, now: datetime, call: Call) -> datetime | None:
        """Make them as they should be. Returns when the next one has to be renewed.

        What one set is refused, the others get all the same.

        Raises:
            BackendError: the first one that was met.
        """
        todo = plan(wanted, await self.store.of(_BC), await self.subscriptions.all(call=call), root=self.root, now=now)
        errors: list[BackendError] = []
        for subscription in todo.delete:
            try:
                await self.subscriptions.delete(subscription, call=call)
            except BackendError as error:
                errors.append(error)
        if not errors:  # what could not be deleted is found again by the registration
            for registration in todo.forget:
                await self.store.remove(registration.id)
        ends: list[datetime] = []
        for registration, subscription in todo.keep:
            if (registration, subscription) not in todo.renew:
                await self._keep(registration, subscription)
                ends.append(subscription.expires_at)
        for registration, subscription in todo.renew:
            try:
                ends.append(await self._renewed(registration, subscription, call))
            except BackendError as error:
                errors.append(error)
        for resource in todo.make:
            try:
                ends.append(await self._made(resource, call))
            except BackendError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return min(ends) - MARGIN if ends else None

    async def _renewed(self, registration: Registration, subscription: Subscription, call: Call) -> datetime:
        try:
            renewed = await self.subscriptions.renew(subscription, call=call)
        except NotFoundError:
            return await self._made(registration.resource, call)
        await self._keep(registration, renewed)
        return renewed.expires_at

    async def _made(self, resource: str, call: Call) -> datetime:
        """It is ours before the backend knows of it: while it answers, it asks whether we want it."""
        id, secret = uuid4(), SecretStr(secrets.token_urlsafe(32))
        registration = Registration(id, _BC, resource, f"{self.root}{id}", hash_of(secret.get_secret_value()))
        await self.store.save(registration)
        made = await self.subscriptions.make(resource, url=registration.url, client_state=secret, call=call)
        await self._keep(registration, made)
        return made.expires_at

    async def _keep(self, registration: Registration, subscription: Subscription) -> None:
        known = replace(registration, remote_id=subscription.id, expires_at=subscription.expires_at)
        if known != registration:
            await self.store.save(known)
