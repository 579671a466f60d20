"""The list of environments, which stands outside of them: `GET /environments/v1.2`.

Source: Business Central, "Endpoints for the APIs"; "Business Central Admin Center API", environments.
"""

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.exchange import Environment, Response

ENVIRONMENTS = "environments/v1.2"


def environment_list(environment: Environment, method: str, root: str) -> Response:
    """The one environment there is; `root` is the absolute address before `/v2.0`."""
    if method != "GET":
        raise errors.method_not_allowed()
    name = environment.name
    row = {
        "aadTenantId": environment.tenant,
        "applicationFamily": "BusinessCentral",
        "type": "Production" if name.lower() == "production" else "Sandbox",
        "name": name,
        "countryCode": "NL",
        "webServiceUrl": root,
        "webClientLoginUrl": f"{root}/{environment.tenant}/{name}",
        "ringName": "PROD",
        "applicationVersion": "28.0.41203.0",
        "platformVersion": "28.0.41150.0",
    }
    return Response(200, {"value": [row]})
