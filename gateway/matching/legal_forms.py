"""What companies are, as it is written in their names: words that come and go from one system to the other. Data.

In the spelling of normalised names: lower case, no accents, initials joined ("S. à r.l." is "sarl", "A/S" is "as").
A form of several words, such as "GmbH & Co. KG", is several of these; "sp zoo" is the one that is not.
"""

AT_THE_END = frozenset(
    (
        # German: Germany, Austria, Switzerland
        *("gmbh", "mbh", "ggmbh", "ag", "kg", "kgaa", "ohg", "ek", "ekfm", "ekfr", "ug", "gbr", "ev", "eg", "se", "og"),
        *("eu", "partg", "partgmbb", "haftungsbeschrankt", "co", "cie", "compagnie"),
        # English
        *("ltd", "limited", "llc", "llp", "lp", "inc", "incorporated", "corp", "corporation", "company", "plc", "pty"),
        *("pte", "pvt", "cic"),
        # French, Italian, Spanish, Portuguese, Romanian
        *(
            "sa",
            "sas",
            "sasu",
            "sarl",
            "eurl",
            "snc",
            "sci",
            "srl",
            "srls",
            "spa",
            "sapa",
            "sl",
            "slu",
            "sau",
            "lda",
            "ltda",
        ),
        # Dutch, Belgian
        *("bv", "nv", "bvba", "vof", "cv", "cvba"),
        # Nordic, Baltic
        *("ab", "as", "asa", "aps", "ivs", "oy", "oyj", "ky", "hb", "kb", "uab", "sia", "ou"),
        # Central and eastern European
        *("sro", "spol", "vos", "zoo", "kft", "bt", "zrt", "nyrt", "doo", "dd", "ood", "eood", "ooo"),
    )
)

AT_THE_START = frozenset(("firma", "fa", "gmbh", "ag", "kg", "ab", "as", "oy", "uab", "sia", "ou", "ooo", "pt"))
"""Fewer: a name may well begin with "Co", "SA" or "SE"."""

PAIRS_AT_THE_END = frozenset({("sp", "zoo"), ("sp", "k"), ("sp", "j"), ("spol", "sro")})

CONNECTORS = frozenset({"and", "und", "et", "u"})
"""How "&", which is no word here, is spelled out."""
