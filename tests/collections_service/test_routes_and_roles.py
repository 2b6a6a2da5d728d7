"""Every route of the service against every role, as people agreed on it."""

import re

import pytest
from support.collections_office import Office

from redress.web.openapi import undescribed_operations
from redress.web.permissions import PERMISSIONS
from redress.web.routes import OPEN_PATHS, listed_routes

READS = {"analyst", "approver", "collector", "auditor", "admin"}
EXPECTED = {
    ("POST", "/v1/erp/events"): {"erp"},
    ("GET", "/v1/erp/sources/{source}/health"): READS | {"erp", "ops"},
    ("GET", "/v1/customers/{customer_id}"): READS | {"erp"},
    ("GET", "/v1/invoices/{invoice_id}"): READS | {"erp"},
    ("GET", "/v1/invoices"): READS | {"erp"},
    ("GET", "/v1/holds"): READS,
    ("GET", "/v1/ageing"): READS | {"erp"},
    ("GET", "/v1/legal-entities"): READS | {"erp"},
    ("GET", "/v1/legal-entities/{code}"): READS | {"erp"},
    ("PUT", "/v1/legal-entities/{code}"): {"admin"},
    ("GET", "/v1/recovery-tasks"): READS | {"erp"},
    ("POST", "/v1/recovery-tasks/{task_id}/take"): {"collector"},
    ("POST", "/v1/recovery-tasks/{task_id}/hand-over"): {"collector"},
    ("POST", "/v1/recovery-tasks/{task_id}/finish"): {"collector"},
    ("GET", "/v1/policies"): READS,
    ("GET", "/v1/policies/{name}"): READS,
    ("POST", "/v1/policies/{name}/draft"): {"admin"},
    ("POST", "/v1/policies/{name}/publish"): {"admin"},
    ("POST", "/v1/policies/{name}/discard-draft"): {"admin"},
    ("GET", "/v1/feed"): {role for role, allowed in PERMISSIONS.items() if "feed:read" in allowed},
    ("GET", "/v1/events/{event_id}"): {role for role, allowed in PERMISSIONS.items() if "events:read" in allowed},
}


async def test_the_table_names_every_route(office: Office) -> None:
    routes = {(route.method, route.path) for route in listed_routes(office.app) if route.path not in OPEN_PATHS}
    assert {route for route in routes if route[0] != "HEAD"} == set(EXPECTED)


async def test_every_operation_says_what_it_answers(office: Office) -> None:
    assert undescribed_operations(office.app) == []


@pytest.mark.parametrize("role", sorted(PERMISSIONS))
async def test_each_role_may_do_what_the_table_says_and_nothing_else(office: Office, role: str) -> None:
    for (method, path), allowed in EXPECTED.items():
        path = re.sub(r"\{\w+\}", "x", path)  # noqa: PLW2901 - the concrete path of this turn
        headers = office.issuer.bearer(role) | {"Idempotency-Key": f"{role}-{method}-{path}"}
        answer = await office.http.request(method, path, headers=headers)
        assert (answer.status_code != 403) is (role in allowed), (method, path, role, answer.text)


async def test_nobody_is_let_in_without_a_token(office: Office) -> None:
    for method, path in EXPECTED:
        assert (await office.http.request(method, path)).status_code == 401
