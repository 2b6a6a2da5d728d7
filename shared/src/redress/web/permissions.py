"""Roles and their permissions, as data. A route names one permission; a role gives a set of them; nothing else decides.

Words: `x:read` sees, `x:write` changes. Of disputes, `open` and `note` are apart because people who do not work
disputes may do just that, and `decide` because it gives money away: it is the word that limits of authority and
four eyes will hang on. Until there are such limits, analysts and approvers may do the same.
"""

from collections.abc import Iterable
from typing import Final

PERMISSION_MEANINGS: Final[dict[str, str]] = {
    "disputes:read": "see disputes, their history and reasons",
    "disputes:open": "open a dispute",
    "disputes:note": "add a note to a dispute",
    "disputes:write": "work a dispute and its tasks: classify, assign, ask, record, escalate, close, reopen, withdraw",
    "disputes:decide": "decide what is valid, resolve, and give up what is awaited, with effect on money",
    "texts:read": "read what is personal in disputes: names, addresses, descriptions, notes",
    "policies:read": "see resolution policies and every earlier version",
    "policies:write": "publish a new version of a policy",
    "ledger:read": "see customers, invoices, receipts and ageing",
    "ledger:write": "record promises and collection work",
    "legal-entities:write": "say a legal entity's time zone, calendar, currency and sender",
    "holds:read": "see what must not be chased",
    "erp:read": "see the state of the ERP's sources and their messages",
    "erp:write": "post ERP events",
    "notifications:read": "see who was told what, and why not",
    "notifications:addresses": "see to which address a notification went, not masked",
    "directory:read": "see teams, deputies and their addresses",
    "directory:write": "change teams, deputies and their addresses",
    "events:read": "see single events, streams and proofs",
    "feed:read": "follow a service's events",
    "ops:read": "see lag, parked streams and the state of the parts",
    "ops:write": "replay or release what is parked",
}

_SEES_THE_BUSINESS: Final = frozenset(
    {
        "disputes:read",
        "policies:read",
        "ledger:read",
        "holds:read",
        "erp:read",
        "notifications:read",
        "directory:read",
        "events:read",
    }
)
_SEES_EVERYTHING: Final = frozenset(name for name in PERMISSION_MEANINGS if name.endswith(":read"))
_WORKS_DISPUTES: Final = _SEES_THE_BUSINESS | {
    "notifications:addresses",
    "texts:read",
    "disputes:open",
    "disputes:note",
    "disputes:write",
    "disputes:decide",
}

PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    "analyst": _WORKS_DISPUTES,
    "approver": _WORKS_DISPUTES,
    "collector": _SEES_THE_BUSINESS
    | {"texts:read", "notifications:addresses", "disputes:open", "disputes:note", "ledger:write"},
    "auditor": _SEES_EVERYTHING,
    "erp": frozenset({"erp:read", "erp:write", "ledger:read", "disputes:read", "disputes:open", "feed:read"}),
    "ops": frozenset({"ops:read", "ops:write", "feed:read", "erp:read"}),
    "admin": _SEES_THE_BUSINESS | {"policies:write", "directory:write", "legal-entities:write", "ops:read"},
    # The three services. Only this role, alone, may carry the tenant `*`, which follows the feeds of all tenants.
    "service": frozenset({"feed:read", "events:read"}),
}

ALL_TENANTS: Final = "*"
MAY_HAVE_ALL_TENANTS: Final = "service"


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """Everything the roles give together. A role that is not known gives nothing."""
    given: frozenset[str] = frozenset()
    for role in roles:
        given |= PERMISSIONS.get(role, frozenset())
    return given


def roles_with(permission: str) -> list[str]:
    """The roles that give a permission, for telling people whom to ask. KeyError for one that does not exist."""
    PERMISSION_MEANINGS[permission]
    return sorted(role for role, given in PERMISSIONS.items() if permission in given)
