"""The metadata documents by which a client finds everything else of the identity provider.

Both versions exist because both are asked for: v2 by client libraries, v1 by APIs that accept v1 tokens.

Source: Microsoft identity platform, OpenID Connect on the Microsoft identity platform (configuration document).
"""

from collections.abc import Mapping
from typing import Literal

from gateway.sandbox.identity.people import TENANT_ID
from gateway.sandbox.identity.tokens import Identity


def openid_configuration(authority: Identity, base: str, *, version: Literal["1.0", "2.0"]) -> Mapping[str, object]:
    """`base` is the address the caller used, so that the endpoints are ones it can reach."""
    tenant = f"{base}/{TENANT_ID}"
    return {
        "issuer": authority.issuer(base, version=version),
        "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
        "token_endpoint": f"{tenant}/oauth2/v2.0/token",
        "device_authorization_endpoint": f"{tenant}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{tenant}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "name", "preferred_username", "tid", "oid", "ver"],
        "tenant_region_scope": "EU",
        "cloud_instance_name": "sandbox",
    }
