"""The question everybody starts with: it needs both systems."""

import json

EXAMPLE_QUERY = """\
# What does customer C00210 owe, and who owns the account in CRM?
# The amounts come from Business Central, the owner from Dynamics 365 Sales.
query WhatDoesTheCustomerOwe {
  customer(by: {number: "C00210"}) {
    number
    displayName
    balanceDue { amount currencyCode }
    creditLimit { amount currencyCode }
    salesperson { displayName }
    account {
      name
      owner { fullName email }
    }
  }
}
"""
"""What GraphiQL opens with."""

EXAMPLE_REQUEST = json.dumps(
    {
        "query": '{ customer(by: {number: "C00210"}) '
        "{ displayName balanceDue { amount currencyCode } account { name owner { fullName } } } }"
    }
)
"""The same, short, as the body of a request. Holds no single quote, so that a shell can quote it."""
