"""The routes of an app and the permission of each, read from the app itself.

The table of routes and roles of the tests is built from it, and an app with a forgotten route does not start.
"""

import inspect
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from msgspec import Struct

from redress.web.auth import Permission

OPEN_PATHS = frozenset({"/livez", "/readyz", "/startupz", "/metrics", "/docs", "/docs/problems", "/openapi.json"})


class ListedRoute(Struct, frozen=True):
    """One operation. `permissions` are all of those it asks for; `headers` are OpenAPI parameters; `threaded` are
    the functions that FastAPI would run in a thread."""

    method: str
    path: str
    permissions: tuple[str, ...]
    headers: tuple[dict[str, Any], ...] = ()
    threaded: tuple[str, ...] = ()

    @property
    def authenticated(self) -> bool:
        """Whether a token is needed."""
        return bool(self.permissions)


class OpenRoute(RuntimeError):
    """A route asks for no permission and is none of the few that may be open."""


def listed_routes(app: FastAPI) -> list[ListedRoute]:
    """Every HTTP operation of the app, sorted by path and method. Mounted apps are not looked into."""
    found: list[ListedRoute] = []
    for context in iter_route_contexts(app.routes):
        path, methods = context.path, context.methods
        if path is None or methods is None:
            continue
        calls: list[object] = []
        if isinstance(context.original_route, APIRoute):
            calls = [context.original_route.endpoint, *_calls(context.dependant)]
        permissions = sorted({call.permission for call in calls if isinstance(call, Permission)})
        headers = [header for call in calls for header in getattr(call, "header_parameters", ())]
        threaded = tuple(getattr(call, "__name__", repr(call)) for call in calls if not _is_awaited(call))
        found += [ListedRoute(method, path, tuple(permissions), tuple(headers), threaded) for method in methods]
    return sorted(found, key=lambda route: (route.path, route.method))


def refuse_open_routes(app: FastAPI) -> None:
    """OpenRoute if a route outside the listed few would answer without a token."""
    for route in listed_routes(app):
        if not route.authenticated and route.path not in OPEN_PATHS:
            raise OpenRoute(f"{route.method} {route.path} names no permission")


class ThreadedRoute(RuntimeError):
    """A route or one of its dependencies is a plain function or a class, which FastAPI runs in a thread."""


def refuse_threaded_routes(app: FastAPI) -> None:
    """ThreadedRoute if a request would change threads. The way there and back costs a read of one dispute a quarter of
    its time, and forty requests at a time is all that a process then takes."""
    for route in listed_routes(app):
        if route.threaded:
            raise ThreadedRoute(f"{route.method} {route.path} runs {', '.join(route.threaded)} in a thread: async def")


def route_templates(app: FastAPI) -> dict[int, str]:
    """The full template (`/v1/disputes/{id}`) of each route object, by its identity."""
    return {id(context.original_route): context.path or "" for context in iter_route_contexts(app.routes)}


def _is_awaited(call: object) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__)


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)
