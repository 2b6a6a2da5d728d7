-- Reading for folds and for commands, added to schema.sql by a migration of its own: what was installed once is not edited.

CREATE FUNCTION es.read_log_facts(p_after bigint, p_limit int)
RETURNS TABLE (seq bigint, stream_id uuid, version bigint, type text, schema_version int, payload bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = es, pg_temp AS $$
BEGIN
  RETURN QUERY SELECT l.seq, e.stream_id, e.version, e.type, e.schema_version, e.payload
    FROM es.log l JOIN es.event e ON e.id = l.id
    WHERE l.seq > p_after AND l.seq <= p_after + p_limit ORDER BY l.seq;
END $$;

-- What commands need before they are decided, of many commands in one look: the stored answer of the key and the facts
-- of streams after a version. k_*: one element per command (key NULL: none is asked for); s_command points into them.
-- An answer comes as a row without stream: its status in `version`, its response in `payload`.
CREATE FUNCTION es.look(k_tenant text[], k_key text[], s_command int[], s_id uuid[], s_after bigint[])
RETURNS TABLE (command int, stream_id uuid, version bigint, type text, schema_version int, payload bytea,
               fingerprint bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = es, pg_temp SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN QUERY
    SELECT k.ord::int, NULL::uuid, c.status::bigint, NULL::text, NULL::int, c.response, c.fingerprint
      FROM unnest(k_tenant, k_key) WITH ORDINALITY AS k(tenant, key, ord)
      JOIN command c ON c.tenant_id = k.tenant AND c.key = k.key
    UNION ALL
    SELECT s.command, s.id, f.version, f.type, f.schema_version, f.payload, NULL::bytea
      FROM unnest(s_command, s_id, s_after) AS s(command, id, after), LATERAL (
        SELECT e.version, e.type, e.schema_version, e.payload FROM event e
        WHERE e.stream_id = s.id AND e.version > s.after AND e.tenant_id = k_tenant[s.command] ORDER BY e.version
      ) f;
END $$;

REVOKE EXECUTE ON FUNCTION es.read_log_facts, es.look FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.read_log_facts, es.look TO redress_app, redress_worker;
