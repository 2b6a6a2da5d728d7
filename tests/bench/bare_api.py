"""What a writing endpoint costs at least: FastAPI, a validated body, one INSERT: `python -m bench.bare_api DSN PORT`"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field

from redress.ids import new_uuid

TABLE = """
CREATE TABLE dispute (
  id uuid PRIMARY KEY, customer_id text NOT NULL, reason_code text NOT NULL, body jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now())
"""


class Amount(BaseModel):
    amount: str
    currency: str


class Item(BaseModel):
    invoice_id: str
    amount: Amount


class Contact(BaseModel):
    name: str
    email: str
    language: str


class Opening(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    customer_id: str
    items: Annotated[list[Item], Field(min_length=1)]
    reason_code: str
    description: str
    origin: str
    contact: Contact


class Opened(BaseModel):
    dispute_id: UUID
    status: str
    body: Opening


def create_app(dsn: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(dsn) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/disputes", status_code=201)
    async def open_dispute(request: Request, body: Opening) -> Opened:
        dispute = new_uuid()
        await request.app.state.pool.execute(
            "INSERT INTO dispute (id, customer_id, reason_code, body) VALUES ($1, $2, $3, $4)",
            dispute,
            body.customer_id,
            body.reason_code,
            body.model_dump_json(),
        )
        return Opened(dispute_id=dispute, status="open", body=body)

    @app.get("/v1/disputes/{dispute}")
    async def read_dispute(request: Request, dispute: UUID) -> Opened:
        row = await request.app.state.pool.fetchrow("SELECT body FROM dispute WHERE id = $1", dispute)
        return Opened(dispute_id=dispute, status="open", body=Opening.model_validate_json(row["body"]))

    return app


def main() -> None:
    dsn, port = sys.argv[1:]
    uvicorn.run(create_app(dsn), port=int(port), loop="uvloop", http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
