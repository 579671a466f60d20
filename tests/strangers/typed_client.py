"""pybusinesscentral at the running sandbox: its API classes, its models, and what it raises.

Imported by a fixture only, as the package belongs to the dependency group `strangers`.
"""

import json
from collections.abc import Mapping
from typing import Any

from pybusinesscentral import ApiClient, ApiException, Configuration
from pybusinesscentral.api.company_api import CompanyApi
from pybusinesscentral.api.customer_api import CustomerApi
from pybusinesscentral.api.payment_term_api import PaymentTermApi
from pybusinesscentral.model.post_customer_request import PostCustomerRequest
from pybusinesscentral.model.post_payment_term_request import PostPaymentTermRequest

JSON = "application/json"


class TypedClient:
    """Its models are strict: an answer with a value of another type than the package declares is an error."""

    def __init__(self, host: str, token: str, company: str) -> None:
        self._client = ApiClient(Configuration(host=host, access_token=token))
        self.company = company
        self.companies = CompanyApi(self._client)
        self.customers = CustomerApi(self._client)
        self.payment_terms = PaymentTermApi(self._client)

    def customer(self, key: str, **options: object) -> Any:
        return self.customers.get_customer(self.company, key, **options)

    def find_customers(self, **options: object) -> Any:
        return self.customers.list_customers(self.company, **options).value

    def create_customer(self, **values: object) -> Any:
        return self.customers.post_customer(self.company, JSON, PostCustomerRequest(**values))

    def update_customer(self, key: str, etag: str, **values: object) -> Any:
        return self.customers.patch_customer(self.company, key, JSON, etag, PostCustomerRequest(**values))

    def delete_customer(self, key: str) -> None:
        self.customers.delete_customer(self.company, key)

    def create_payment_term(self, **values: object) -> Any:
        return self.payment_terms.post_payment_term(self.company, JSON, PostPaymentTermRequest(**values))

    def etag(self, key: str) -> str:
        """The ETag of a customer, from the answer's own text: the models leave it out."""
        return str(json.loads(self.customers.get_customer_with_http_info(self.company, key).raw_data)["@odata.etag"])

    def page(self, url: str, *, size: int) -> Any:
        """One page of rows as JSON, at an address of ours or at a next link."""
        return self._send("GET", url, {"Prefer": f"odata.maxpagesize={size}"})

    def batch(self, requests: list[Mapping[str, object]], **headers: str) -> Any:
        """A JSON batch; the answers by the ids of their requests."""
        answer = self._send("POST", f"{self._host}/$batch", headers, {"requests": requests})
        return {part["id"]: part for part in answer["responses"]}

    def address(self, path: str) -> str:
        """A path below the company, relative to the service root, as requests in a batch have it."""
        return f"companies({self.company})/{path}"

    def absolute(self, path: str) -> str:
        return f"{self._host}/{self.address(path)}"

    @property
    def _host(self) -> str:
        return str(self._client.configuration.host)

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: object = None) -> Any:
        """A request that the package has no method for, through its own client."""
        all_headers = {"Accept": JSON, "Content-Type": JSON, **headers}
        request = self._client.param_serialize(
            method, url, header_params=all_headers, body=body, auth_settings=["oAuth"], _host=""
        )
        answer = self._client.call_api(*request)
        return json.loads(answer.read())


def refusal(error: BaseException) -> tuple[int, str]:
    """Status and code of what the package raised."""
    assert isinstance(error, ApiException), error
    return error.status, json.loads(error.body)["error"]["code"]
