"""Who works at the demo company: salespersons in Business Central, users in the CRM, and which of them are coupled.

The demo people who sign in are users as well, so a token for one of them finds its row by the object id.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.identifiers import COMPANY_UNIT_ID, KEY_ACCOUNTS_UNIT_ID, bc_id, crm_id
from gateway.sandbox.identity import people

_DOMAIN: Final = "wheelhouse.example"


@dataclass(frozen=True)
class User:
    """A person in the CRM. The e-mail address is the natural key; people sign in with the user name."""

    first_name: str
    last_name: str
    job_title: str
    email: str
    user_name: str
    object_id: str
    disabled: bool = False
    unit_id: str = COMPANY_UNIT_ID

    @cached_property
    def id(self) -> str:
        return crm_id("systemuser", self.email)

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True)
class Salesperson:
    """`user` is the CRM user it is coupled to."""

    code: str
    name: str
    email: str
    phone: str
    job_title: str
    user: User | None

    @cached_property
    def id(self) -> str:
        return bc_id("salesperson", self.code)


def _email(name: str) -> str:
    return ".".join(name.lower().split()) + f"@{_DOMAIN}"


def _user(name: str, job_title: str, *, disabled: bool = False) -> User:
    first_name, last_name = name.split()
    object_id = crm_id("entra-object", name)
    return User(first_name, last_name, job_title, _email(name), _email(name), object_id, disabled)


def _demo_user(person: people.Person, job_title: str) -> User:
    first_name, last_name = person.display_name.split()
    return User(first_name, last_name, job_title, _email(person.display_name), person.user_name, person.object_id)


ADMIN: Final = _demo_user(people.ADMIN, "Integration administrator")
SALES: Final = _demo_user(people.SALES, "Account manager")
WIDGET: Final = _demo_user(people.WIDGET, "Inside sales")
NOBODY: Final = _demo_user(people.NOBODY, "Trainee")
RUBEN: Final = replace(_user("Ruben Castell", "Key account manager"), unit_id=KEY_ACCOUNTS_UNIT_ID)
KAIA: Final = _user("Kaia Thorsen", "Account manager")

APPLICATION_USER_ID: Final = crm_id("systemuser", people.GATEWAY_CLIENT_ID)
"""The gateway itself, as the CRM knows it."""


def _salesperson(code: str, name: str, *, extension: int, job_title: str, user: User | None = None) -> Salesperson:
    return Salesperson(code, name, _email(name), f"+31 10 555 02{extension:02d}", job_title, user)


def _coupled(code: str, name: str, *, extension: int, disabled: bool = False) -> Salesperson:
    user = _user(name, "Account manager", disabled=disabled)
    return _salesperson(code, name, extension=extension, job_title=user.job_title, user=user)


SALESPEOPLE: Final = (
    _salesperson(story.STORY_SALESPERSON, SALES.full_name, extension=10, job_title=SALES.job_title, user=SALES),
    _coupled("AB", "Anouk Bosman", extension=11),
    _coupled("CL", "Carlo Lombardi", extension=12),
    _coupled(story.DISABLED_SALESPERSON, "Doris Meyer", extension=13, disabled=True),
    _coupled("EV", "Elias Vinter", extension=14),
    _coupled("FK", "Freya Karlsen", extension=15),
    _coupled("GR", "Gilles Renard", extension=16),
    _coupled("HN", "Hanna Nowak", extension=17),
    _coupled("IS", "Imke Schuster", extension=18),
    _coupled("LP", "Liam Power", extension=19),
    _salesperson(story.UNCOUPLED_SALESPERSON, KAIA.full_name, extension=20, job_title="Account manager"),
    _salesperson(story.SALESPERSON_WITHOUT_USER, "Zora Wimmer", extension=21, job_title="Agent"),
)
USERS: Final = (
    *(salesperson.user for salesperson in SALESPEOPLE if salesperson.user is not None),
    *(ADMIN, WIDGET, NOBODY, RUBEN, KAIA),
)
ACTIVE_SALESPEOPLE: Final = tuple(
    salesperson for salesperson in SALESPEOPLE if salesperson.user is not None and not salesperson.user.disabled
)
_BY_CODE: Final = {salesperson.code: salesperson for salesperson in SALESPEOPLE}


def salesperson(code: str) -> Salesperson | None:
    """None for the blank code."""
    return _BY_CODE.get(code)
