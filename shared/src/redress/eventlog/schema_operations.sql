-- What operators did by hand, and why. Added to schema.sql by a migration of its own.
-- An operation has two entries: one with the outcome 'begun', committed before anything is changed, and one with what
-- became of it. An operation without the second one was cut off, or is still running.
CREATE TABLE es.operation (
  entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  operation uuid NOT NULL,
  at timestamptz NOT NULL DEFAULT es.now(),
  operator text NOT NULL CHECK (btrim(operator) <> ''),
  command text NOT NULL,
  arguments json NOT NULL,  -- as they were given, in their order
  reason text NOT NULL CHECK (btrim(reason) <> ''),
  outcome text NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON es.operation FOR EACH ROW EXECUTE FUNCTION es.refuse_change();
CREATE TRIGGER append_only_all BEFORE TRUNCATE ON es.operation EXECUTE FUNCTION es.refuse_change();
