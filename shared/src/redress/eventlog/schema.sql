-- The event log of one service. Run once, as a member of redress_owner, by the service's first migration.
-- Reasons and measurements: shared/docs/decisions/0001-event-log.md.

CREATE SCHEMA IF NOT EXISTS es;
CREATE SCHEMA IF NOT EXISTS read;

-- One row per stream: the lock that orders its writers, its version and the head of its hash chain.
CREATE TABLE es.stream (
  stream_id uuid PRIMARY KEY,
  tenant_id text NOT NULL,
  stream_type text NOT NULL,
  version bigint NOT NULL,
  head_hash bytea NOT NULL,
  last_recorded_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- `id` only says what was inserted after what inside a stream. It has holes and is never a position.
CREATE TABLE es.event (
  id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) UNIQUE,
  stream_id uuid NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  event_id uuid NOT NULL UNIQUE,
  tenant_id text NOT NULL,
  stream_type text NOT NULL,
  type text NOT NULL,
  schema_version int NOT NULL,
  effective_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  prev_hash bytea NOT NULL,
  hash bytea NOT NULL,
  meta bytea NOT NULL,
  payload bytea NOT NULL CHECK (octet_length(payload) <= 262144),
  PRIMARY KEY (stream_id, version)
);

-- Committed, but without a place in the log yet.
CREATE TABLE es.pending (id bigint PRIMARY KEY, tenant_id text NOT NULL);

-- The order of everything: seq 1, 2, 3 … without holes, given after the commit.
CREATE TABLE es.log (seq bigint PRIMARY KEY, id bigint NOT NULL UNIQUE, tenant_id text NOT NULL);
CREATE INDEX log_of_tenant ON es.log (tenant_id, seq);
CREATE TABLE es.log_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  seq bigint NOT NULL,
  epoch text NOT NULL
);
INSERT INTO es.log_head VALUES (true, 0, gen_random_uuid()::text);

-- The stored answer of every command that carried an idempotency key.
CREATE TABLE es.command (
  tenant_id text NOT NULL,
  key text NOT NULL,
  fingerprint bytea NOT NULL,
  status int NOT NULL,
  response bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, key)
);

-- How far each consumer has come, per shard. `position` is the source's own bookmark (a Kafka offset, say).
CREATE TABLE es.consumer (
  name text NOT NULL,
  shard int NOT NULL,
  seq bigint NOT NULL DEFAULT 0,
  epoch text NOT NULL DEFAULT '',
  position jsonb,
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (name, shard)
);

-- Events a consumer could not apply, and what follows them in their stream. parked_at NULL: still being tried.
CREATE TABLE es.parked (
  consumer text NOT NULL,
  seq bigint NOT NULL,
  shard int NOT NULL,
  stream_id uuid NOT NULL,
  tenant_id text NOT NULL,
  attempts int NOT NULL,
  error text NOT NULL DEFAULT '',
  first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  parked_at timestamptz,
  PRIMARY KEY (consumer, seq)
);
CREATE INDEX parked_streams ON es.parked (consumer, stream_id) WHERE parked_at IS NOT NULL;

CREATE TABLE es.timer (
  timer_id uuid PRIMARY KEY,
  tenant_id text NOT NULL,
  stream_id uuid NOT NULL,
  kind text NOT NULL,
  due_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'fired', 'cancelled')),
  attempts int NOT NULL DEFAULT 0,
  cause_event uuid,
  fired_at timestamptz
);
CREATE INDEX timers_due ON es.timer (due_at) WHERE state = 'pending';

-- The bytes a hash covers: every fact of the event, each variable part behind its length, so that no two events
-- can have the same bytes; times as microseconds since 2000. The same function in Python: redress/eventlog/hashing.py.
-- STABLE because convert_to is: a function that claims to be stricter than its body is not inlined by the planner.
CREATE FUNCTION es.event_hash(
  prev bytea, stream_id uuid, version bigint, event_id uuid, tenant_id text, stream_type text, type text,
  schema_version int, effective_at timestamptz, recorded_at timestamptz, payload bytea, meta bytea
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT sha256('\x01'::bytea || int4send(length(prev)) || prev || uuid_send(stream_id) || int8send(version)
    || uuid_send(event_id)
    || int4send(octet_length(tenant_id)) || convert_to(tenant_id, 'UTF8')
    || int4send(octet_length(stream_type)) || convert_to(stream_type, 'UTF8')
    || int4send(octet_length(type)) || convert_to(type, 'UTF8')
    || int4send(schema_version)
    || timestamptz_send(effective_at) || timestamptz_send(recorded_at)
    || int4send(length(payload)) || payload || meta)
$$;

-- A service replaces this to keep its own current-state read model in the append's transaction.
CREATE FUNCTION es.write_current(
  p_tenant text[], p_stream uuid[], p_type text[], p_version bigint[], p_doc jsonb[]
) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$;

-- Append many commands in one round trip and one commit; each succeeds or is refused by itself.
--
-- c_*: one element per command (key NULL: no idempotency record). s_*: one per stream write; s_command points into c_*.
-- e_*: one per event, those of a stream write together and in order; e_stream points into s_*, e_ordinal counts 1, 2, 3
-- inside its stream write. A caller never puts one stream or one key twice into a call.
-- Returns a row for each command that was not newly written:
--   replayed    the key is known for the same request: status and response are its stored answer
--   key-reused  the key is known for another request
--   in-flight   another transaction is executing the key right now
--   conflict    stream `stream` is at version `actual`
--   already     exactly these events stand exactly there
--
-- First everything is written as if nothing could be wrong, which is nearly always so and takes a few plain statements.
-- If anything is wrong, all of it is undone and each command is judged by itself, as slowly as that takes.
-- Both ways take locks in one order, everywhere, so that two appends can wait for each other but never deadlock: keys
-- (tried, not waited for), existing streams by id, new streams by id.
CREATE FUNCTION es.append(
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
  recorded timestamptz := clock_timestamp();
  -- of each stream write: what its stream row becomes
  s_tenant text[]; s_version bigint[] := s_expected; s_head bytea[]; s_recorded timestamptz[];
  -- of each event: what follows from its stream
  f_stream uuid[]; f_version bigint[]; f_tenant text[]; f_stream_type text[]; f_recorded timestamptz[]; f_prev bytea[];
  f_hash bytea[];
  w int := 0; -- the stream write in hand
  held int := 0;
  refused boolean[] := array_fill(false, ARRAY[cardinality(c_tenant)]);
  conflicted int[] := '{}';
  found_one record;
  answer record;
  round int;
BEGIN
  BEGIN
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

    FOR i IN 1 .. cardinality(s_id) LOOP
      s_tenant[i] := c_tenant[s_command[i]]; s_head[i] := '\x'; s_recorded[i] := recorded;
    END LOOP;
    IF 0 < ANY (s_expected) THEN
      FOR found_one IN
        SELECT h.stream_id, h.tenant_id, h.version, h.head_hash, h.last_recorded_at FROM stream h
        WHERE h.stream_id = ANY (s_id) ORDER BY h.stream_id FOR UPDATE
      LOOP
        w := array_position(s_id, found_one.stream_id);
        IF found_one.version <> s_expected[w] OR found_one.tenant_id <> s_tenant[w] THEN
          RAISE SQLSTATE 'ES003';
        END IF;
        held := held + 1; s_head[w] := found_one.head_hash;
        s_recorded[w] := greatest(recorded, found_one.last_recorded_at + interval '1 microsecond');
      END LOOP;
      IF held <> cardinality(array_remove(s_expected, 0)) THEN
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
      f_stream[i] := s_id[w]; f_version[i] := s_version[w]; f_tenant[i] := s_tenant[w]; f_stream_type[i] := s_type[w];
      f_recorded[i] := s_recorded[w]; f_prev[i] := s_head[w];
      s_head[w] := event_hash(f_prev[i], f_stream[i], f_version[i], e_id[i], f_tenant[i], f_stream_type[i], e_type[i],
                              e_schema[i], e_effective[i], f_recorded[i], e_payload[i], e_meta[i]);
      f_hash[i] := s_head[w];
    END LOOP;

    WITH added AS (
      INSERT INTO event (stream_id, version, event_id, tenant_id, stream_type, type, schema_version,
                         effective_at, recorded_at, prev_hash, hash, meta, payload)
      SELECT * FROM unnest(f_stream, f_version, e_id, f_tenant, f_stream_type, e_type, e_schema,
                           e_effective, f_recorded, f_prev, f_hash, e_meta, e_payload)
      RETURNING id, tenant_id
    )
    INSERT INTO pending (id, tenant_id) SELECT a.id, a.tenant_id FROM added a;
    IF 0 < ANY (s_expected) THEN
      UPDATE stream s SET version = n.version, head_hash = n.head_hash, last_recorded_at = n.recorded_at
        FROM unnest(s_id, s_version, s_head, s_recorded) AS n(id, version, head_hash, recorded_at)
        WHERE s.stream_id = n.id;
    END IF;
    IF 0 = ANY (s_expected) THEN
      INSERT INTO stream (stream_id, tenant_id, stream_type, version, head_hash, last_recorded_at)
      SELECT n.id, n.tenant, n.type, n.version, n.head_hash, n.recorded_at
        FROM unnest(s_id, s_tenant, s_type, s_version, s_head, s_recorded, s_expected)
          AS n(id, tenant, type, version, head_hash, recorded_at, expected)
        WHERE n.expected = 0 ORDER BY n.id;
    END IF;
    IF array_remove(s_current, NULL) <> '{}' THEN
      PERFORM write_current(array_agg(n.tenant), array_agg(n.id), array_agg(n.type), array_agg(n.version),
                            array_agg(n.doc))
        FROM unnest(s_tenant, s_id, s_type, s_version, s_current) AS n(tenant, id, type, version, doc)
        WHERE n.doc IS NOT NULL;
    END IF;
    RETURN;
  EXCEPTION WHEN SQLSTATE 'ES003' OR unique_violation THEN
    NULL;
  END;

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
    )
    SELECT s.ord::int AS ord, s.command, s.id, s.expected, h.version
    FROM unnest(s_command, s_id, s_expected) WITH ORDINALITY AS s(command, id, expected, ord)
    LEFT JOIN held h ON h.stream_id = s.id AND h.tenant_id = c_tenant[s.command]
    WHERE NOT refused[s.command] AND h.version IS DISTINCT FROM s.expected
  LOOP
    refused[found_one.command] := true;
    command := found_one.command; stream := found_one.id; actual := coalesce(found_one.version, 0);
    status := NULL; response := NULL;
    SELECT CASE WHEN count(*) > 0 AND count(*) = count(e.event_id) THEN 'already' ELSE 'conflict' END INTO outcome
      FROM unnest(e_stream, e_ordinal, e_id, e_payload) AS q(stream, ordinal, id, payload)
      LEFT JOIN event e ON e.stream_id = found_one.id AND e.version = found_one.expected + q.ordinal
        AND e.event_id = q.id AND e.payload = q.payload
      WHERE q.stream = found_one.ord;
    IF outcome = 'conflict' THEN conflicted := conflicted || found_one.command; END IF;
    RETURN NEXT;
  END LOOP;
  IF conflicted <> '{}' THEN
    DELETE FROM command c USING unnest(conflicted) AS f(ord)
      WHERE c.tenant_id = c_tenant[f.ord] AND c.key = c_key[f.ord];
    DELETE FROM stream s USING unnest(s_command, s_id, s_expected) AS w(command, id, expected)
      WHERE w.command = ANY (conflicted) AND w.expected = 0 AND s.stream_id = w.id AND s.version = 0;
  END IF;

  -- The first events of all streams, then the second ones, …: each statement chains onto the heads before it.
  recorded := clock_timestamp();
  FOR round IN 1 .. coalesce((SELECT max(o) FROM unnest(e_ordinal) AS o), 0) LOOP
    WITH added AS (
      INSERT INTO event (stream_id, version, event_id, tenant_id, stream_type, type, schema_version,
                         effective_at, recorded_at, prev_hash, hash, meta, payload)
      SELECT x.stream_id, x.version, x.event_id, x.tenant_id, x.stream_type, x.type, x.schema_version,
             x.effective_at, x.recorded_at, x.head_hash,
             event_hash(x.head_hash, x.stream_id, x.version, x.event_id, x.tenant_id, x.stream_type, x.type,
                        x.schema_version, x.effective_at, x.recorded_at, x.payload, x.meta),
             x.meta, x.payload
      FROM (
        SELECT s.stream_id, s.version + 1 AS version, s.tenant_id, s.stream_type, s.head_hash,
               greatest(recorded, s.last_recorded_at + interval '1 microsecond') AS recorded_at,
               e.event_id, e.type, e.schema_version, e.effective_at, e.meta, e.payload
        FROM unnest(e_stream, e_ordinal, e_id, e_type, e_schema, e_payload, e_meta, e_effective)
          AS e(stream, ordinal, event_id, type, schema_version, payload, meta, effective_at)
        JOIN stream s ON s.stream_id = s_id[e.stream]
        WHERE e.ordinal = round AND NOT refused[s_command[e.stream]]
        OFFSET 0
      ) x
      RETURNING id, tenant_id, stream_id, version, hash, recorded_at
    ), queued AS (
      INSERT INTO pending (id, tenant_id) SELECT a.id, a.tenant_id FROM added a
    )
    UPDATE stream s SET version = a.version, head_hash = a.hash, last_recorded_at = a.recorded_at
      FROM added a WHERE s.stream_id = a.stream_id;
  END LOOP;

  IF array_remove(s_current, NULL) <> '{}' THEN
    PERFORM write_current(array_agg(s.tenant_id), array_agg(s.stream_id), array_agg(s.stream_type),
                          array_agg(s.version), array_agg(w.doc))
      FROM unnest(s_command, s_id, s_current) AS w(command, id, doc) JOIN stream s ON s.stream_id = w.id
      WHERE w.doc IS NOT NULL AND NOT refused[w.command]
      HAVING count(*) > 0;
  END IF;
END $$;

-- Give committed events their place. Returns how many, or -1 when another sequencer is at it.
-- Why this is right: an event's id is drawn while its stream's row is locked, so ids rise with versions; and whoever
-- could lock the row for version n+1 started after version n had committed, so a snapshot with n+1 has n.
CREATE FUNCTION es.sequence(p_limit int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = es, pg_temp AS $$
DECLARE
  head bigint;
  given int;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7001) THEN RETURN -1; END IF;
  IF NOT EXISTS (SELECT FROM pending) THEN RETURN 0; END IF;
  SELECT seq INTO head FROM log_head FOR UPDATE;
  WITH taken AS (
    DELETE FROM pending WHERE id IN (SELECT id FROM pending ORDER BY id LIMIT p_limit) RETURNING id, tenant_id
  ), placed AS (
    INSERT INTO log (seq, id, tenant_id)
    SELECT head + row_number() OVER (ORDER BY t.id), t.id, t.tenant_id FROM taken t RETURNING 1
  )
  SELECT count(*) INTO given FROM placed;
  IF given > 0 THEN
    UPDATE log_head SET seq = head + given;
    PERFORM pg_notify('es_log', (head + given)::text);
  END IF;
  RETURN given;
END $$;

-- What the readers return has the order of RecordedEvent's fields. They are PL/pgSQL: RETURN QUERY keeps its plan, and
-- costs less than an SQL function that cannot be inlined.
CREATE FUNCTION es.read_stream(p_tenant text, p_stream uuid, p_from bigint, p_to bigint)
RETURNS TABLE (stream_type text, version bigint, event_id uuid, type text, schema_version int, payload bytea,
               meta bytea, effective_at timestamptz, recorded_at timestamptz, prev_hash bytea, hash bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = es, pg_temp SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN QUERY SELECT e.stream_type, e.version, e.event_id, e.type, e.schema_version, e.payload, e.meta, e.effective_at,
      e.recorded_at, e.prev_hash, e.hash
    FROM es.event e
    WHERE e.stream_id = p_stream AND e.tenant_id = p_tenant AND e.version BETWEEN p_from AND p_to
    ORDER BY e.version;
END $$;

CREATE FUNCTION es.read_facts(p_tenant text, p_stream uuid, p_to bigint)
RETURNS TABLE (version bigint, type text, schema_version int, payload bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = es, pg_temp SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN QUERY SELECT e.version, e.type, e.schema_version, e.payload FROM es.event e
    WHERE e.stream_id = p_stream AND e.tenant_id = p_tenant AND e.version <= p_to
    ORDER BY e.version;
END $$;

CREATE FUNCTION es.read_log(p_after bigint, p_limit int, p_tenant text, p_types text[])
RETURNS TABLE (tenant_id text, stream_id uuid, stream_type text, version bigint, event_id uuid, type text,
               schema_version int, payload bytea, meta bytea, effective_at timestamptz, recorded_at timestamptz,
               prev_hash bytea, hash bytea, seq bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = es, pg_temp AS $$
BEGIN
  IF p_tenant IS NULL AND p_types IS NULL THEN
    RETURN QUERY SELECT e.tenant_id, e.stream_id, e.stream_type, e.version, e.event_id, e.type, e.schema_version,
        e.payload, e.meta, e.effective_at, e.recorded_at, e.prev_hash, e.hash, l.seq
      FROM es.log l JOIN es.event e ON e.id = l.id
      WHERE l.seq > p_after AND l.seq <= p_after + p_limit ORDER BY l.seq;
  ELSE
    RETURN QUERY SELECT e.tenant_id, e.stream_id, e.stream_type, e.version, e.event_id, e.type, e.schema_version,
        e.payload, e.meta, e.effective_at, e.recorded_at, e.prev_hash, e.hash, l.seq
      FROM es.log l JOIN es.event e ON e.id = l.id
      WHERE l.seq > p_after AND (p_tenant IS NULL OR l.tenant_id = p_tenant)
        AND (p_types IS NULL OR e.type = ANY (p_types))
      ORDER BY l.seq LIMIT p_limit;
  END IF;
END $$;

CREATE FUNCTION es.find_event(p_tenant text, p_event uuid)
RETURNS TABLE (seq bigint, tenant_id text, stream_id uuid, version bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = es, pg_temp AS $$
  SELECT l.seq, e.tenant_id, e.stream_id, e.version FROM es.event e JOIN es.log l ON l.id = e.id
  WHERE e.event_id = p_event AND (p_tenant IS NULL OR e.tenant_id = p_tenant)
$$;

CREATE FUNCTION es.answer(p_tenant text, p_key text)
RETURNS TABLE (fingerprint bytea, status int, response bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = es, pg_temp AS $$
  SELECT c.fingerprint, c.status, c.response FROM es.command c WHERE c.tenant_id = p_tenant AND c.key = p_key
$$;

-- The second line behind explicit tenant arguments: the API's role sees only the rows of the tenant that its
-- transaction names (none if it names none); the owner's functions and the workers see all.
CREATE FUNCTION es.protect(p_table regclass, p_worker_writes boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_table);
  EXECUTE format('CREATE POLICY own_tenant ON %s TO redress_app
    USING (tenant_id = current_setting(''app.tenant'', true))', p_table);
  EXECUTE format('CREATE POLICY all_tenants ON %s TO redress_owner, redress_worker
    USING (true) WITH CHECK (true)', p_table);
  EXECUTE format('GRANT SELECT ON %s TO redress_app, redress_worker', p_table);
  IF p_worker_writes THEN
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO redress_worker', p_table);
  END IF;
END $$;

CREATE FUNCTION es.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of %.% is not allowed: the log is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'ES002';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON es.event FOR EACH ROW EXECUTE FUNCTION es.refuse_change();
CREATE TRIGGER append_only_all BEFORE TRUNCATE ON es.event EXECUTE FUNCTION es.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON es.log FOR EACH ROW EXECUTE FUNCTION es.refuse_change();
CREATE TRIGGER append_only_all BEFORE TRUNCATE ON es.log EXECUTE FUNCTION es.refuse_change();
CREATE TRIGGER keep_streams BEFORE DELETE ON es.stream FOR EACH ROW WHEN (OLD.version > 0)
  EXECUTE FUNCTION es.refuse_change();
CREATE TRIGGER keep_streams_all BEFORE TRUNCATE ON es.stream EXECUTE FUNCTION es.refuse_change();

SELECT es.protect('es.stream', false), es.protect('es.event', false), es.protect('es.log', false),
       es.protect('es.pending', false), es.protect('es.command', false), es.protect('es.parked'),
       es.protect('es.timer');
GRANT USAGE ON SCHEMA es, read TO redress_app, redress_worker;
GRANT SELECT ON es.log_head, es.consumer TO redress_app, redress_worker;
GRANT INSERT, UPDATE, DELETE ON es.consumer TO redress_worker;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA es FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.append, es.sequence, es.read_stream, es.read_facts, es.read_log, es.find_event, es.answer
  TO redress_app, redress_worker;
