"""One stream per company and policy name."""

from typing import Final
from uuid import UUID

from redress.decider import Decider
from redress.ids import derived_uuid
from redress.policy import state
from redress.policy.events import POLICY_CODEC, PolicyEvent
from redress.policy.state import Policy

POLICY: Final[Decider[Policy, PolicyEvent]] = Decider(
    stream_type="policy",
    initial=state.INITIAL,
    evolve=state.evolve,
    codec=POLICY_CODEC,
    dated=True,
)


def policy_stream(tenant_id: str, name: str) -> UUID:
    return derived_uuid("policy", tenant_id, name)
