"""Every route of the service against every role."""

import pytest
from support.notification_house import Api

from redress.web.openapi import undescribed_operations
from redress.web.permissions import PERMISSIONS
from redress.web.routes import OPEN_PATHS, listed_routes

EXPECTED = {
    ("GET", "/v1/notifications"): {"analyst", "approver", "collector", "auditor", "admin"},
    ("GET", "/v1/notifications/why"): {"analyst", "approver", "collector", "auditor", "admin"},
    ("GET", "/v1/why"): {"analyst", "approver", "collector", "auditor", "admin"},
    ("GET", "/v1/notifications/{notification_id}"): {"analyst", "approver", "collector", "auditor", "admin"},
    ("GET", "/v1/directory/{entry_id}"): {"analyst", "approver", "collector", "auditor", "admin"},
    ("PUT", "/v1/directory/{entry_id}"): {"admin"},
    ("GET", "/v1/policies"): {"analyst", "approver", "collector", "auditor", "admin"},
    ("GET", "/v1/policies/{name}"): {"analyst", "approver", "collector", "auditor", "admin"},
    ("POST", "/v1/policies/{name}/draft"): {"admin"},
    ("POST", "/v1/policies/{name}/publish"): {"admin"},
    ("POST", "/v1/policies/{name}/discard-draft"): {"admin"},
    ("GET", "/v1/feed"): {"auditor", "ops", "erp", "service"},
    ("GET", "/v1/events/{event_id}"): {"analyst", "approver", "collector", "auditor", "admin", "service"},
}


async def test_the_table_names_every_route(api: Api) -> None:
    routes = {(route.method, route.path) for route in listed_routes(api.app) if route.path not in OPEN_PATHS}
    assert {route for route in routes if route[0] != "HEAD"} == set(EXPECTED)


@pytest.mark.parametrize("role", sorted(PERMISSIONS))
async def test_each_role_may_do_what_the_table_says_and_nothing_else(api: Api, role: str) -> None:
    for (method, path), allowed in EXPECTED.items():
        concrete = path.replace("{notification_id}", "ntf_x").replace("{entry_id}", "x").replace("{event_id}", "evt_x")
        response = await api.http.request(method, concrete, headers=api.issuer.bearer(role))
        assert (response.status_code != 403) is (role in allowed), (method, path, role)


async def test_nobody_is_let_in_without_a_token(api: Api) -> None:
    for method, path in EXPECTED:
        assert (await api.http.request(method, path)).status_code == 401


async def test_every_operation_says_what_it_answers(api: Api) -> None:
    assert undescribed_operations(api.app) == []
