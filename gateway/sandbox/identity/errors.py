"""Refusals of the token endpoint, in the words and with the numbers of Entra ID.

Clients decide by `error`; people search for the AADSTS number, so both are the real ones.

Source: Microsoft identity platform, Microsoft Entra authentication and authorization error codes; RFC 6749 section 5.2.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime


class SignInError(Exception):
    """No token. `error` is the OAuth 2.0 word, `code` the AADSTS number, `status` that of the HTTP answer."""

    def __init__(self, error: str, code: int, message: str, *, status: int = 400) -> None:
        super().__init__(f"AADSTS{code}: {message}")
        self.error = error
        self.code = code
        self.status = status

    def body(self, *, now: datetime) -> Mapping[str, object]:
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        timestamp = f"{now:%Y-%m-%d %H:%M:%SZ}"
        return {
            "error": self.error,
            "error_description": f"{self} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}",
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
        }

    @classmethod
    def missing_parameter(cls, name: str) -> "SignInError":
        return cls("invalid_request", 900144, f"The request body must contain the following parameter: '{name}'.")

    @classmethod
    def unknown_tenant(cls, tenant: str) -> "SignInError":
        return cls(
            "invalid_request",
            90002,
            f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
            "correct cloud.",
        )

    @classmethod
    def unsupported_grant(cls, grant: str) -> "SignInError":
        return cls("unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant}'.")

    @classmethod
    def unknown_application(cls, client_id: str) -> "SignInError":
        return cls(
            "unauthorized_client", 700016, f"Application with identifier '{client_id}' was not found in the directory."
        )

    @classmethod
    def unknown_resource(cls, name: str) -> "SignInError":
        return cls("invalid_resource", 500011, f"The resource principal named {name} was not found in the tenant.")

    @classmethod
    def invalid_scope(cls, scope: str) -> "SignInError":
        return cls(
            "invalid_scope",
            70011,
            "The provided request must include a 'scope' input parameter. The provided value for the input parameter "
            f"'scope' is not valid. The scope '{scope}' does not exist or names more than one resource.",
        )

    @classmethod
    def scope_without_default(cls, scope: str) -> "SignInError":
        return cls(
            "invalid_scope",
            1002012,
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
            "/.default suffixed to the resource identifier (application ID URI).",
        )

    @classmethod
    def missing_secret(cls) -> "SignInError":
        return cls(
            "invalid_client",
            7000218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            status=401,
        )

    @classmethod
    def wrong_secret(cls, client_id: str) -> "SignInError":
        return cls(
            "invalid_client",
            7000215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            f"not the client secret ID, for a secret added to app '{client_id}'.",
            status=401,
        )

    @classmethod
    def secret_of_a_public_client(cls) -> "SignInError":
        return cls(
            "invalid_client",
            700025,
            "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
            status=401,
        )

    @classmethod
    def public_client(cls, grant: str) -> "SignInError":
        return cls(
            "invalid_client",
            7000216,
            f"'client_assertion', 'client_secret' or 'request' is required for the '{grant}' grant type.",
            status=401,
        )

    @classmethod
    def unknown_person(cls) -> "SignInError":
        return cls("invalid_grant", 50034, "The user account does not exist in the directory of this tenant.")

    @classmethod
    def wrong_password(cls) -> "SignInError":
        return cls("invalid_grant", 50126, "Error validating credentials due to invalid username or password.")

    @classmethod
    def invalid_assertion(cls, reason: str) -> "SignInError":
        return cls("invalid_grant", 50013, f"Assertion failed signature validation. [Reason - {reason}]")

    @classmethod
    def assertion_of_another_audience(cls) -> "SignInError":
        return cls(
            "invalid_grant", 500131, "Assertion audience does not match the Client app presenting the assertion."
        )

    @classmethod
    def expired_assertion(cls) -> "SignInError":
        return cls("invalid_grant", 500133, "Assertion is not within its valid time range.")

    @classmethod
    def assertion_of_an_application(cls, client_id: str) -> "SignInError":
        return cls(
            "invalid_grant",
            7000114,
            f"Application '{client_id}' is not allowed to make application on-behalf-of calls.",
        )

    @classmethod
    def authorization_pending(cls) -> "SignInError":
        return cls(
            "authorization_pending",
            70016,
            "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
        )

    @classmethod
    def authorization_declined(cls) -> "SignInError":
        return cls("authorization_declined", 70017, "The end user denied the authorization request.")

    @classmethod
    def unknown_device_code(cls) -> "SignInError":
        return cls("bad_verification_code", 70018, "Invalid verification code: it is unknown or was used before.")

    @classmethod
    def expired_device_code(cls) -> "SignInError":
        return cls("expired_token", 70020, "The provided value for the input parameter 'device_code' has expired.")
