"""Check through the public APIs that the services' views show everything recorded so far."""

from redress_local.stack_client import StackClient


async def views_are_complete(client: StackClient) -> bool:
    """Whether ageing has everything that collections-service had recorded a moment ago."""
    feed = await client.get("collections", "/v1/feed", role="ops", limit=1, timeout=0)
    ageing = (await client.get("collections", "/v1/ageing")).json()
    return bool(ageing["position"]["seq"] >= int(feed.headers["Feed-Head"]))
