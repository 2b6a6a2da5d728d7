"""Empty copies of a projection's tables in another schema, and the exchange of the two.

A copy has the same columns, defaults, constraints, indexes (with their names), row level security and grants. What a
copy cannot have is refused: foreign keys, triggers, and views that look at the table.
"""

from collections.abc import Sequence

from redress.eventlog.connections import Connection

LIVE = "read"


class CannotShadow(Exception):
    """A table has something that a copy would not have; the message says what."""


async def make_shadows(connection: Connection, schema: str, tables: Sequence[str]) -> None:
    """A fresh `schema` with an empty copy of each live table. The connection is the owner's."""
    await connection.execute(f"DROP SCHEMA IF EXISTS {_quoted(schema)} CASCADE")
    await connection.execute(f"CREATE SCHEMA {_quoted(schema)}")
    await connection.execute(f"GRANT USAGE ON SCHEMA {_quoted(schema)} TO redress_app, redress_worker")
    for table in tables:
        live, shadow = f"{LIVE}.{_quoted(table)}", f"{_quoted(schema)}.{_quoted(table)}"
        await _refuse_what_cannot_be_copied(connection, live)
        await connection.execute(f"CREATE TABLE {shadow} (LIKE {live} INCLUDING ALL EXCLUDING INDEXES)")
        for statement in await _statements(connection, live, shadow):
            await connection.execute(statement)


async def exchange(connection: Connection, *, new: str, old: str, tables: Sequence[str]) -> None:
    """Put the copies in the place of the live tables, which move to the empty schema `old`. In one transaction."""
    for table in tables:
        await connection.execute(f"ALTER TABLE {LIVE}.{_quoted(table)} SET SCHEMA {_quoted(old)}")
        await connection.execute(f"ALTER TABLE {_quoted(new)}.{_quoted(table)} SET SCHEMA {LIVE}")
    await connection.execute(f"DROP SCHEMA {_quoted(new)}")


async def make_empty(connection: Connection, schema: str) -> None:
    await connection.execute(f"DROP SCHEMA IF EXISTS {_quoted(schema)} CASCADE")
    await connection.execute(f"CREATE SCHEMA {_quoted(schema)}")


async def drop(connection: Connection, schema: str) -> bool:
    """Whether there was such a schema."""
    there = await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", _quoted(schema))
    await connection.execute(f"DROP SCHEMA IF EXISTS {_quoted(schema)} CASCADE")
    return bool(there)


async def _refuse_what_cannot_be_copied(connection: Connection, live: str) -> None:
    rows = await connection.fetch(
        """
        SELECT 'the foreign key ' || conname AS obstacle FROM pg_constraint
          WHERE contype = 'f' AND (conrelid = $1::text::regclass OR confrelid = $1::text::regclass)
        UNION ALL
        SELECT 'the trigger ' || tgname FROM pg_trigger WHERE tgrelid = $1::text::regclass AND NOT tgisinternal
        UNION ALL
        SELECT 'the view ' || r.ev_class::regclass::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
          WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
            AND d.refobjid = $1::text::regclass AND r.ev_class <> d.refobjid
        """,
        live,
    )
    if rows:
        raise CannotShadow(f"{live} cannot be rebuilt beside itself: {', '.join(row['obstacle'] for row in rows)}")


async def _statements(connection: Connection, live: str, shadow: str) -> list[str]:
    """The indexes, keys and rights that the copy takes over from the live table."""
    rows = await connection.fetch(
        """
        SELECT 1 AS step, format('ALTER TABLE %s ADD CONSTRAINT %I %s', $2::text, conname, pg_get_constraintdef(oid))
          FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u', 'x')
        UNION ALL
        SELECT 2, format('CREATE %s INDEX %I ON %s %s', CASE WHEN i.indisunique THEN 'UNIQUE' ELSE '' END, c.relname,
                         $2::text, substring(pg_get_indexdef(i.indexrelid) FROM ' (USING .*)$'))
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
          WHERE i.indrelid = $1::text::regclass
            AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
        UNION ALL
        SELECT 3, format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', $2::text)
          FROM pg_class WHERE oid = $1::text::regclass AND relrowsecurity
        UNION ALL
        SELECT 3, format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', $2::text)
          FROM pg_class WHERE oid = $1::text::regclass AND relforcerowsecurity
        UNION ALL
        SELECT 4, format('CREATE POLICY %I ON %s AS %s FOR %s TO %s %s %s', p.polname, $2::text,
                         CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                         CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                       WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                         (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE role::regrole::text END, ', ')
                            FROM unnest(p.polroles) AS role),
                         'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
                         'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
          FROM pg_policy p WHERE p.polrelid = $1::text::regclass
        UNION ALL
        SELECT 5, format('GRANT %s ON %s TO %s', a.privilege_type, $2::text,
                         CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
          FROM pg_class c, aclexplode(c.relacl) AS a WHERE c.oid = $1::text::regclass AND a.grantee <> c.relowner
        ORDER BY step
        """,
        live,
        shadow,
    )
    return [row[1] for row in rows]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
