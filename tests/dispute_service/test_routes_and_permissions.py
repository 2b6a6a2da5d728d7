"""Every route, and the permission it asks for: the table that people agreed on, written out."""

from support.dispute_api import Office

from redress.web.openapi import undescribed_operations
from redress.web.routes import OPEN_PATHS, listed_routes

D = "/v1/disputes/{dispute_id}"
T = "/v1/settlement-tasks"
TABLE = {
    ("POST", "/v1/disputes"): "disputes:open",
    ("GET", "/v1/disputes"): "disputes:read",
    ("GET", D): "disputes:read",
    ("GET", f"{D}/events"): "disputes:read",
    ("GET", f"{D}/diff"): "disputes:read",
    ("POST", f"{D}/classify"): "disputes:write",
    ("POST", f"{D}/assign"): "disputes:write",
    ("POST", f"{D}/request-information"): "disputes:write",
    ("POST", f"{D}/record-information"): "disputes:write",
    ("POST", f"{D}/add-note"): "disputes:note",
    ("POST", f"{D}/decide"): "disputes:decide",
    ("POST", f"{D}/resolve"): "disputes:decide",
    ("POST", f"{D}/close"): "disputes:write",
    ("POST", f"{D}/reopen"): "disputes:write",
    ("POST", f"{D}/withdraw"): "disputes:write",
    ("POST", f"{D}/settle"): "disputes:decide",
    ("POST", f"{D}/escalate"): "disputes:write",
    ("GET", T): "disputes:read",
    ("POST", f"{T}/{{dispute_id}}/take"): "disputes:write",
    ("POST", f"{T}/{{dispute_id}}/hand-over"): "disputes:write",
    ("POST", f"{T}/{{dispute_id}}/finish"): "disputes:write",
    ("GET", "/v1/reasons"): "disputes:read",
    ("GET", "/v1/policies/resolution-matrix"): "policies:read",
    ("POST", "/v1/policies/resolution-matrix"): "policies:write",
    ("GET", "/v1/policies"): "policies:read",
    ("GET", "/v1/policies/{name}"): "policies:read",
    ("POST", "/v1/policies/{name}/draft"): "policies:write",
    ("POST", "/v1/policies/{name}/publish"): "policies:write",
    ("POST", "/v1/policies/{name}/discard-draft"): "policies:write",
    ("GET", "/v1/feed"): "feed:read",
    ("GET", "/v1/events/{event_id}"): "events:read",
}


def test_every_route_asks_for_the_agreed_permission(office: Office) -> None:
    found = {
        (route.method, route.path): " ".join(route.permissions)
        for route in listed_routes(office.app)
        if route.path not in OPEN_PATHS and route.method != "HEAD"
    }
    assert found == TABLE


async def test_nothing_is_answered_without_a_token(office: Office) -> None:
    for method, path in TABLE:
        answer = await office.client.request(method, path.format(dispute_id="dsp_x", event_id="x", name="x"))
        assert answer.status_code == 401, (method, path)


def test_every_operation_says_what_it_answers(office: Office) -> None:
    assert undescribed_operations(office.app) == []


def test_every_operation_has_a_name_of_its_own(office: Office) -> None:
    names = [each["operationId"] for path in office.app.openapi()["paths"].values() for each in path.values()]
    assert len(set(names)) == len(names)
