"""Who comes in: the one door that requests, event streams and sockets go through before anything of theirs is read.

What is to be settled about a caller before anything is carried out for it belongs here.
"""

from dataclasses import dataclass

from gateway.auth.caller import Authenticator, Caller


@dataclass(frozen=True, slots=True)
class Admission:
    """What the door needs to know."""

    authenticator: Authenticator

    async def admit(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header, or behind what a socket says in its place.

        Raises:
            UnauthenticatedError: no token, or one that does not pass.
        """
        return await self.authenticator.caller(authorization)
