"""The question everybody starts with: it needs both systems."""

import json

EXAMPLE_QUERY = """\
# What does the customer owe? (Business Central)
# Who owns the account? (Dynamics 365 Sales)
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
