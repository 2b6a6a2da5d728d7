"""The API's documentation as plain pages: no script, nothing loaded from elsewhere, readable behind any firewall."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.responses import HTMLResponse

from redress.web.problem import CATALOGUE_PATH, KERNEL_PROBLEMS, MEDIA_TYPE

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}
code{background:#f2f2f0;padding:.1em .3em;border-radius:3px}h2{border-bottom:1px solid #ccc;margin-top:2rem}
summary{cursor:pointer;padding:.3rem 0}summary b{display:inline-block;min-width:4.5rem}
table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0}
pre{background:#f2f2f0;padding:.6rem;overflow:auto;border-radius:3px}
@media(prefers-color-scheme:dark){body{background:#161616;color:#e4e4e4}code,pre{background:#262626}}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {"Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"}


def docs_routes(app: FastAPI, problems: Mapping[str, tuple[int, str]]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        return HTMLResponse(_page(app.title, _api(app.openapi())), headers=_HEADERS)

    @router.get(CATALOGUE_PATH)
    async def problem_catalogue() -> HTMLResponse:
        page = _page(f"{app.title}: problems", _catalogue({**KERNEL_PROBLEMS, **problems}))
        return HTMLResponse(page, headers=_HEADERS)

    return router


def document_problems() -> dict[int | str, dict[str, Any]]:
    """The `responses` of every operation: every refusal has one form."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "4XX": {"description": "Refused; `code` says why.", "content": content},
        "5XX": {"description": "Failed; repeat with the same Idempotency-Key.", "content": content},
    }


def _api(document: Mapping[str, Any]) -> str:
    by_tag: dict[str, list[str]] = {}
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            by_tag.setdefault(tag, []).append(_operation(method, path, operation))
    about = document["info"]
    links = f'<a href="/openapi.json">openapi.json</a> · <a href="{CATALOGUE_PATH}">problem codes</a>'
    parts = [
        f"<p>{escape(about.get('description', ''))}</p>",
        f"<p>Version {escape(about['version'])} · {links}</p>",
    ]
    for tag, operations in by_tag.items():
        parts += [f"<h2>{escape(tag)}</h2>", *operations]
    schemas = document.get("components", {}).get("schemas", {})
    parts += ["<h2>Schemas</h2>", *(_schema(name, schema) for name, schema in schemas.items())]
    return "\n".join(parts)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    rows = [
        (f"<code>{escape(one['name'])}</code>", one["in"], _type(one.get("schema", {})), one.get("description", ""))
        for one in operation.get("parameters", [])
    ]
    body = operation.get("requestBody", {}).get("content", {})
    rows += [("body", escape(media), _type(content.get("schema", {})), "required") for media, content in body.items()]
    answers = ", ".join(f"{code} {escape(_phrase(code))}" for code in operation.get("responses", {}))
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
        f"{escape(operation.get('summary', ''))}</summary>"
        f"<p>{escape(operation.get('description', ''))}</p>{_table(rows)}<p>Answers: {answers}</p></details>"
    )


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", []))
    rows = []
    for field, one in schema.get("properties", {}).items():
        need = "required" if field in required else ""
        rows.append((f"<code>{escape(field)}</code>", need, _type(one), one.get("description", "")))
    return (
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<p>{escape(schema.get('description', ''))}</p>{_table(rows)}</details>"
    )


def _table(rows: Iterable[tuple[str, str, str, str]]) -> str:
    lines = [
        f"<tr><td>{name}</td><td>{place}</td><td>{kind}</td><td>{escape(text)}</td></tr>"
        for name, place, kind, text in rows
    ]
    return f"<table>{''.join(lines)}</table>" if lines else ""


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in a few words, linked to where it is described. HTML."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_type(one) for one in schema[several])
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("format") or schema.get("type", "any")
    return escape(str(kind))


def _catalogue(problems: Mapping[str, tuple[int, str]]) -> str:
    lines = [
        f'<tr id="{escape(code)}"><td><code>{escape(code)}</code></td><td>{status}</td><td>{escape(title)}</td></tr>'
        for code, (status, title) in sorted(problems.items(), key=lambda item: (item[1][0], item[0]))
    ]
    return f"<p>Every refusal carries one of these codes; they never change.</p><table>{''.join(lines)}</table>"


def _phrase(code: str) -> str:
    return HTTPStatus(int(code)).phrase if code.isdigit() else "problem"


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{body}</html>"
    )
