"""Domains under which anybody has an e-mail address: sharing one says nothing. Data."""

_NAMES = frozenset(
    (
        *("aol", "bluewin", "freenet", "gmail", "gmx", "googlemail", "hotmail", "icloud", "live", "mail", "me"),
        *(
            "msn",
            "outlook",
            "proton",
            "protonmail",
            "rocketmail",
            "t-online",
            "web",
            "yahoo",
            "yandex",
            "ymail",
            "zoho",
        ),
    )
)
"""Under any country: gmx.de, gmx.at, yahoo.co.uk."""

_DOMAINS = frozenset(
    (
        *("1und1.de", "163.com", "126.com", "a1.net", "aon.at", "arcor.de", "bol.com.br", "btinternet.com"),
        *("comcast.net", "free.fr", "inbox.lv", "laposte.net", "libero.it", "mailbox.org", "naver.com", "o2.pl"),
        *("orange.fr", "posteo.de", "qq.com", "seznam.cz", "sfr.fr", "sympatico.ca", "telenet.be", "terra.es"),
        *("tiscali.it", "uol.com.br", "verizon.net", "vodafone.de", "wanadoo.fr", "wp.pl", "xs4all.nl", "ziggo.nl"),
    )
)


def is_public(domain: str) -> bool:
    """mail.com is, mail.contoso.com is not."""
    name, _, country = domain.partition(".")
    return domain in _DOMAINS or (name in _NAMES and country.removeprefix("co.").removeprefix("com.").count(".") == 0)
