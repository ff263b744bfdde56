"""A borrower's collection: cases, contacts within the rules, promises, the law. Pure.

`state` is what the facts add up to, `cases`, `contacts`, `reported`, `promises`, `legal` and
`exemption` decide, `rules` and `judge` say whom one may reach and when (`rulefile` reads them from
TOML), `standing` derives what became of promises, `limitation` and `judgment` count the days and
the interest of the law.
"""
