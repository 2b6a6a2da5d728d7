-- Current-state documents: which table keeps those of a stream type, and which columns lists find them by.
-- Why the columns are not generated ones: shared/docs/decisions/0018-a-list-column-is-one-line.md.

-- Tables are known by name, not by oid: a rebuild puts another table in the place of one that keeps versions.
CREATE TABLE es.document_table (
  relation text PRIMARY KEY,
  stream_type text NOT NULL,
  versions boolean NOT NULL
);
CREATE UNIQUE INDEX one_current_table ON es.document_table (stream_type) WHERE NOT versions;
CREATE TABLE es.document_column (
  stream_type text NOT NULL,
  name text NOT NULL,
  type text NOT NULL,
  expression text NOT NULL,
  required boolean NOT NULL,
  place int GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (stream_type, name)
);

-- Read a document's value. IMMUTABLE, which the casts are not: a document's instants carry their offset and its days
-- are ISO days, so no setting of the session has a say. PL/pgSQL, because the planner would try to inline SQL and fail.
CREATE FUNCTION es.instant(value text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$ BEGIN RETURN value::timestamptz; END $$;
CREATE FUNCTION es.day(value text) RETURNS date
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$ BEGIN RETURN value::date; END $$;
CREATE FUNCTION es.texts(value jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN ARRAY(SELECT jsonb_array_elements_text(value));
END $$;

-- Keep the document of each stream of this type in a table (tenant_id text, stream_id uuid PRIMARY KEY, version bigint,
-- doc jsonb), written in the append's transaction. A stream without a document has no row.
CREATE FUNCTION es.keeps_document(p_stream_type text, p_relation regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO es.document_table VALUES (es.name_of(p_relation), p_stream_type, false);
  PERFORM es.word_write_current();
END $$;

-- Keep every version's document in a table (tenant_id text, stream_id uuid, version bigint, known_from timestamptz,
-- known_until timestamptz, doc jsonb, PRIMARY KEY (stream_id, version)) that redress/projections/version_history.py
-- writes. It gets the columns of lists that the type has and those it will get.
CREATE FUNCTION es.keeps_versions(p_stream_type text, p_relation regclass) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  wanted es.document_column;
BEGIN
  INSERT INTO es.document_table VALUES (es.name_of(p_relation), p_stream_type, true);
  FOR wanted IN SELECT * FROM es.document_column WHERE stream_type = p_stream_type ORDER BY place LOOP
    PERFORM es.add_generated(p_relation, wanted);
  END LOOP;
END $$;

-- Give lists of this stream type a column: `p_expression` is SQL that makes it out of `doc` by IMMUTABLE functions.
-- Rows that are there get it too, which rewrites their tables; a column that a current table has already stays as it is.
CREATE FUNCTION es.list_column(
  p_stream_type text, p_name text, p_type text, p_expression text, p_required boolean DEFAULT false
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  wanted es.document_column;
  kept es.document_table;
BEGIN
  INSERT INTO es.document_column (stream_type, name, type, expression, required)
  VALUES (p_stream_type, p_name, p_type, p_expression, p_required) RETURNING * INTO wanted;
  FOR kept IN SELECT * FROM es.document_table WHERE stream_type = p_stream_type LOOP
    IF kept.versions THEN
      PERFORM es.add_generated(kept.relation::regclass, wanted);
    ELSIF NOT EXISTS (
      SELECT FROM pg_attribute WHERE attrelid = kept.relation::regclass AND attname = p_name AND NOT attisdropped
    ) THEN
      EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', kept.relation, p_name, p_type);
      EXECUTE format('UPDATE %s SET %I = %s', kept.relation, p_name, p_expression);
      IF p_required THEN
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', kept.relation, p_name);
      END IF;
    END IF;
  END LOOP;
  PERFORM es.word_write_current();
END $$;

CREATE FUNCTION es.name_of(p_relation regclass) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT format('%I.%I', relnamespace::regnamespace::name, relname) FROM pg_class WHERE oid = p_relation
$$;

CREATE FUNCTION es.add_generated(p_relation regclass, p_column es.document_column) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s %s GENERATED ALWAYS AS (%s) STORED', p_relation, p_column.name,
                 p_column.type, CASE WHEN p_column.required THEN 'NOT NULL' END, p_column.expression);
END $$;

-- Word es.write_current anew: one plain statement per stream type, whose plan PostgreSQL keeps.
CREATE FUNCTION es.word_write_current() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  statements text;
BEGIN
  SELECT string_agg(format($one$
  IF %1$L = ANY (p_type) THEN
    INSERT INTO %2$s AS c (tenant_id, stream_id, version, doc%3$s)
    SELECT w.tenant_id, w.stream_id, w.version, w.doc%4$s
    FROM unnest(p_tenant, p_stream, p_type, p_version, p_doc) AS w(tenant_id, stream_id, stream_type, version, doc)
    WHERE w.stream_type = %1$L
    ON CONFLICT (stream_id) DO UPDATE SET version = excluded.version, doc = excluded.doc%5$s
      WHERE c.version < excluded.version;
  END IF;$one$, t.stream_type, t.relation, l.names, l.expressions, l.updates), '' ORDER BY t.stream_type)
  INTO statements
  FROM es.document_table t, LATERAL (
    SELECT string_agg(format(', %I', name), '' ORDER BY place) AS names,
           string_agg(format(', (%s)', expression), '' ORDER BY place) AS expressions,
           string_agg(format(', %1$I = excluded.%1$I', name), '' ORDER BY place) AS updates
    FROM es.document_column WHERE stream_type = t.stream_type
  ) l
  WHERE NOT t.versions;
  EXECUTE format($whole$
CREATE OR REPLACE FUNCTION es.write_current(
  p_tenant text[], p_stream uuid[], p_type text[], p_version bigint[], p_doc jsonb[]
) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN%s
END $body$
$whole$, statements);
END $$;

REVOKE EXECUTE ON FUNCTION es.instant, es.day, es.texts, es.keeps_document, es.keeps_versions, es.list_column,
  es.name_of, es.add_generated, es.word_write_current FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.instant, es.day, es.texts TO redress_worker; -- it writes the generated columns
