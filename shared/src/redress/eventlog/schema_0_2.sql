-- What changed in the log's schema with 0.2: one clock, larger appends, marks that name the log they belong to.
-- Run once by a migration of each service, after schema.sql and schema_looks.sql: what was installed is not edited.

-- What time it is, for everything that is recorded, due, parked or moved. Inlined, so it costs what its body costs.
-- It is the one seam of the clock: a test replaces it as the owner (CREATE OR REPLACE FUNCTION es.now() …), and every
-- plan and column default that uses it follows. Nothing else in the schema or in our statements asks for the time.
CREATE FUNCTION es.now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT clock_timestamp()';
REVOKE EXECUTE ON FUNCTION es.now FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.now TO redress_app, redress_worker;

-- Whose log this is. One service may keep several, each in a database of its own; the installing migration says which.
ALTER TABLE es.log_head
  ADD service text NOT NULL DEFAULT current_setting('redress.service') CHECK (service <> ''),
  ADD log text NOT NULL DEFAULT 'main' CHECK (log <> '');
ALTER TABLE es.log_head ALTER service DROP DEFAULT, ALTER log DROP DEFAULT;

-- A consumer's mark is of one log of one service. Until now the service stood behind a colon in the name, and nothing
-- was written for the own log. The marks stay what they are; `<name>@next` is a rebuild under way.
ALTER TABLE es.consumer ADD service text, ADD log text NOT NULL DEFAULT 'main';
UPDATE es.consumer c SET
  service = CASE WHEN position(':' IN c.name) = 0 THEN h.service
                 ELSE regexp_replace(c.name, '^[^:]*:(.*?)(@next)?$', '\1') END,
  name = regexp_replace(c.name, '^([^:]*):.*?(@next)?$', '\1\2')
FROM es.log_head h;
ALTER TABLE es.consumer ALTER service SET NOT NULL, ALTER log DROP DEFAULT,
  DROP CONSTRAINT consumer_pkey, ADD PRIMARY KEY (name, service, log, shard);

-- Only a benchmark read so.
DROP FUNCTION es.read_log_facts;

ALTER TABLE es.command ALTER COLUMN created_at SET DEFAULT es.now();
ALTER TABLE es.consumer ALTER COLUMN moved_at SET DEFAULT es.now();
ALTER TABLE es.parked ALTER COLUMN first_at SET DEFAULT es.now();

-- As in schema.sql, which says what the arguments and the answers are. Since 0.2 the time it takes grows with the
-- number of streams and events and no faster, also where a command is refused: a bulk operation is one append.
--
-- First everything is written as if nothing could be wrong, which is nearly always so and takes a few plain statements.
-- If anything is wrong, all of it is undone, each command is judged by itself, and what is not refused is written.
-- Both ways take locks in one order, everywhere: keys (tried, not waited for), existing streams by id, new streams by
-- id. Two appends can wait for each other but never deadlock; transactions of several appends keep the same order
-- (redress/eventlog/portions.py), or one of them is refused as a conflict.
CREATE OR REPLACE FUNCTION es.append(
  c_tenant text[], c_key text[], c_fingerprint bytea[], c_status int[], c_response bytea[],
  s_command int[], s_id uuid[], s_type text[], s_expected bigint[], s_current jsonb[],
  e_stream int[], e_ordinal int[], e_id uuid[], e_type text[], e_schema int[], e_payload bytea[], e_meta bytea[],
  e_effective timestamptz[]
) RETURNS TABLE (command int, outcome text, status int, response bytea, stream uuid, actual bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = es, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  recorded timestamptz;
  -- of each stream write: what its stream row becomes
  s_tenant text[]; s_version bigint[]; s_head bytea[]; s_recorded timestamptz[];
  -- of each event: what follows from its stream
  f_stream uuid[]; f_version bigint[]; f_tenant text[]; f_stream_type text[]; f_recorded timestamptz[]; f_prev bytea[];
  f_hash bytea[];
  w int; -- the stream write in hand
  held int := 0;
  judged boolean := false;
  refused boolean[];
  conflicted int[] := '{}';
  number int[]; -- of a stream write among those that are not refused
  found_one record;
  answer record;
BEGIN
  LOOP
    BEGIN
      IF NOT judged THEN
        FOR i IN 1 .. cardinality(c_key) LOOP
          IF NOT pg_try_advisory_xact_lock(hashtextextended(c_tenant[i] || E'\x1f' || c_key[i], 7002)) THEN
            RAISE SQLSTATE 'ES003';
          END IF;
        END LOOP;
        IF array_remove(c_key, NULL) <> '{}' THEN
          INSERT INTO command (tenant_id, key, fingerprint, status, response)
          SELECT k.* FROM unnest(c_tenant, c_key, c_fingerprint, c_status, c_response)
            AS k(tenant, key, fingerprint, status, response) WHERE k.key IS NOT NULL;
        END IF;
      END IF;

      recorded := es.now();
      s_version := s_expected;
      FOR i IN 1 .. cardinality(s_id) LOOP
        s_tenant[i] := c_tenant[s_command[i]]; s_head[i] := '\x'; s_recorded[i] := recorded;
      END LOOP;
      IF 0 < ANY (s_expected) THEN
        FOR found_one IN
          SELECT h.tenant_id, h.version, h.head_hash, h.last_recorded_at, n.ord::int AS ord
          FROM unnest(s_id) WITH ORDINALITY AS n(id, ord) JOIN stream h ON h.stream_id = n.id
          ORDER BY h.stream_id FOR UPDATE OF h
        LOOP
          w := found_one.ord;
          IF found_one.version <> s_expected[w] OR found_one.tenant_id <> s_tenant[w] THEN
            RAISE SQLSTATE 'ES003';
          END IF;
          held := held + 1; s_head[w] := found_one.head_hash;
          s_recorded[w] := greatest(recorded, found_one.last_recorded_at + interval '1 microsecond');
        END LOOP;
        IF NOT judged AND held <> cardinality(array_remove(s_expected, 0)) THEN
          RAISE SQLSTATE 'ES003';
        END IF;
      END IF;

      FOR i IN 1 .. cardinality(e_id) LOOP
        IF e_ordinal[i] = 1 THEN
          w := e_stream[i];
        ELSE
          s_recorded[w] := s_recorded[w] + interval '1 microsecond';
        END IF;
        s_version[w] := s_version[w] + 1;
        f_stream[i] := s_id[w]; f_version[i] := s_version[w]; f_tenant[i] := s_tenant[w];
        f_stream_type[i] := s_type[w]; f_recorded[i] := s_recorded[w]; f_prev[i] := s_head[w];
        s_head[w] := event_hash(f_prev[i], f_stream[i], f_version[i], e_id[i], f_tenant[i], f_stream_type[i], e_type[i],
                                e_schema[i], e_effective[i], f_recorded[i], e_payload[i], e_meta[i]);
        f_hash[i] := s_head[w];
      END LOOP;

      -- Before the events: what would wait at another transaction's new stream waits here, in the order of ids.
      IF NOT judged AND 0 = ANY (s_expected) THEN
        INSERT INTO stream (stream_id, tenant_id, stream_type, version, head_hash, last_recorded_at)
        SELECT n.id, n.tenant, n.type, n.version, n.head_hash, n.recorded_at
          FROM unnest(s_id, s_tenant, s_type, s_version, s_head, s_recorded, s_expected)
            AS n(id, tenant, type, version, head_hash, recorded_at, expected)
          WHERE n.expected = 0 ORDER BY n.id;
      END IF;
      WITH added AS (
        INSERT INTO event (stream_id, version, event_id, tenant_id, stream_type, type, schema_version,
                           effective_at, recorded_at, prev_hash, hash, meta, payload)
        SELECT * FROM unnest(f_stream, f_version, e_id, f_tenant, f_stream_type, e_type, e_schema,
                             e_effective, f_recorded, f_prev, f_hash, e_meta, e_payload)
        RETURNING id, tenant_id
      )
      INSERT INTO pending (id, tenant_id) SELECT a.id, a.tenant_id FROM added a;
      IF judged OR 0 < ANY (s_expected) THEN
        UPDATE stream s SET version = n.version, head_hash = n.head_hash, last_recorded_at = n.recorded_at
          FROM unnest(s_id, s_version, s_head, s_recorded) AS n(id, version, head_hash, recorded_at)
          WHERE s.stream_id = n.id;
      END IF;
      IF array_remove(s_current, NULL) <> '{}' THEN
        PERFORM write_current(array_agg(n.tenant), array_agg(n.id), array_agg(n.type), array_agg(n.version),
                              array_agg(n.doc))
          FROM unnest(s_tenant, s_id, s_type, s_version, s_current) AS n(tenant, id, type, version, doc)
          WHERE n.doc IS NOT NULL;
      END IF;
      RETURN;
    EXCEPTION WHEN SQLSTATE 'ES003' OR unique_violation THEN
      IF judged THEN RAISE; END IF;
    END;

    refused := array_fill(false, ARRAY[cardinality(c_tenant)]);
    IF array_remove(c_key, NULL) <> '{}' THEN
      FOR found_one IN
        SELECT k.ord::int AS ord FROM unnest(c_tenant, c_key) WITH ORDINALITY AS k(tenant, key, ord)
        WHERE k.key IS NOT NULL AND NOT pg_try_advisory_xact_lock(hashtextextended(k.tenant || E'\x1f' || k.key, 7002))
      LOOP
        refused[found_one.ord] := true;
        command := found_one.ord; outcome := 'in-flight'; RETURN NEXT;
      END LOOP;
      FOR found_one IN
        WITH wanted AS (
          SELECT k.* FROM unnest(c_tenant, c_key, c_fingerprint, c_status, c_response)
            WITH ORDINALITY AS k(tenant, key, fingerprint, status, response, ord)
          WHERE k.key IS NOT NULL AND NOT refused[k.ord]
        ), stored AS (
          INSERT INTO command (tenant_id, key, fingerprint, status, response)
          SELECT w.tenant, w.key, w.fingerprint, w.status, w.response FROM wanted w
          ON CONFLICT DO NOTHING RETURNING tenant_id, key
        )
        SELECT w.ord::int AS ord, w.tenant, w.key, w.fingerprint FROM wanted w
        WHERE NOT EXISTS (SELECT FROM stored n WHERE n.tenant_id = w.tenant AND n.key = w.key)
      LOOP
        refused[found_one.ord] := true;
        SELECT c.fingerprint, c.status, c.response INTO answer
          FROM command c WHERE c.tenant_id = found_one.tenant AND c.key = found_one.key;
        command := found_one.ord;
        IF answer.fingerprint = found_one.fingerprint THEN
          outcome := 'replayed'; status := answer.status; response := answer.response;
        ELSE
          outcome := 'key-reused'; status := NULL; response := NULL;
        END IF;
        RETURN NEXT;
      END LOOP;
    END IF;

    PERFORM FROM stream h WHERE h.stream_id = ANY (s_id) ORDER BY h.stream_id FOR UPDATE;
    INSERT INTO stream (stream_id, tenant_id, stream_type, version, head_hash, last_recorded_at)
    SELECT s.id, c_tenant[s.command], s.type, 0, '\x', '-infinity'
    FROM unnest(s_command, s_id, s_type, s_expected) AS s(command, id, type, expected)
    WHERE s.expected = 0 AND NOT refused[s.command] ORDER BY s.id
    ON CONFLICT DO NOTHING;

    FOR found_one IN
      WITH held AS MATERIALIZED (
        SELECT h.stream_id, h.tenant_id, h.version FROM stream h
        WHERE h.stream_id = ANY (s_id) ORDER BY h.stream_id FOR UPDATE
      ), elsewhere AS MATERIALIZED (
        SELECT s.ord::int AS ord, s.command, s.id, s.expected, coalesce(h.version, 0) AS version
        FROM unnest(s_command, s_id, s_expected) WITH ORDINALITY AS s(command, id, expected, ord)
        LEFT JOIN held h ON h.stream_id = s.id AND h.tenant_id = c_tenant[s.command]
        WHERE NOT refused[s.command] AND h.version IS DISTINCT FROM s.expected
      ), standing AS (
        SELECT q.stream, count(*) AS asked, count(e.event_id) AS there
        FROM unnest(e_stream, e_ordinal, e_id, e_payload) AS q(stream, ordinal, id, payload)
        JOIN elsewhere w ON w.ord = q.stream
        LEFT JOIN event e ON e.stream_id = w.id AND e.version = w.expected + q.ordinal
          AND e.event_id = q.id AND e.payload = q.payload
        GROUP BY q.stream
      )
      SELECT w.command, w.id, w.version, CASE WHEN t.asked = t.there THEN 'already' ELSE 'conflict' END AS outcome
      FROM elsewhere w LEFT JOIN standing t ON t.stream = w.ord
    LOOP
      refused[found_one.command] := true;
      command := found_one.command; outcome := found_one.outcome; stream := found_one.id; actual := found_one.version;
      status := NULL; response := NULL;
      IF outcome = 'conflict' THEN conflicted := conflicted || command; END IF;
      RETURN NEXT;
    END LOOP;
    IF conflicted <> '{}' THEN
      DELETE FROM command c USING unnest(conflicted) AS f(ord)
        WHERE c.tenant_id = c_tenant[f.ord] AND c.key = c_key[f.ord];
      DELETE FROM stream s USING unnest(s_command, s_id, s_expected) AS w(command, id, expected)
        WHERE w.command = ANY (conflicted) AND w.expected = 0 AND s.stream_id = w.id AND s.version = 0;
    END IF;

    -- The streams of all that are left exist now, are locked and stand where they are expected to.
    SELECT array_agg(CASE WHEN NOT refused[n.command] THEN n.kept::int END ORDER BY n.ord) INTO number
      FROM (SELECT s.command, s.ord, count(*) FILTER (WHERE NOT refused[s.command]) OVER (ORDER BY s.ord) AS kept
            FROM unnest(s_command) WITH ORDINALITY AS s(command, ord)) AS n;
    SELECT array_agg(s.command ORDER BY s.ord), array_agg(s.id ORDER BY s.ord), array_agg(s.type ORDER BY s.ord),
           array_agg(s.expected ORDER BY s.ord), array_agg(s.current ORDER BY s.ord)
      INTO s_command, s_id, s_type, s_expected, s_current
      FROM unnest(s_command, s_id, s_type, s_expected, s_current) WITH ORDINALITY
        AS s(command, id, type, expected, current, ord)
      WHERE NOT refused[s.command];
    IF s_id IS NULL THEN RETURN; END IF;
    SELECT coalesce(array_agg(number[e.stream] ORDER BY e.ord), '{}'), array_agg(e.ordinal ORDER BY e.ord),
           coalesce(array_agg(e.id ORDER BY e.ord), '{}'), array_agg(e.type ORDER BY e.ord),
           array_agg(e.schema ORDER BY e.ord), array_agg(e.payload ORDER BY e.ord), array_agg(e.meta ORDER BY e.ord),
           array_agg(e.effective ORDER BY e.ord)
      INTO e_stream, e_ordinal, e_id, e_type, e_schema, e_payload, e_meta, e_effective
      FROM unnest(e_stream, e_ordinal, e_id, e_type, e_schema, e_payload, e_meta, e_effective) WITH ORDINALITY
        AS e(stream, ordinal, id, type, schema, payload, meta, effective, ord)
      WHERE number[e.stream] IS NOT NULL;
    s_tenant := '{}'; s_head := '{}'; s_recorded := '{}';
    f_stream := '{}'; f_version := '{}'; f_tenant := '{}'; f_stream_type := '{}'; f_recorded := '{}'; f_prev := '{}';
    f_hash := '{}';
    judged := true;
  END LOOP;
END $$;
