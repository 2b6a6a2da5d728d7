-- The legal entities that a service owns or follows, now and version by version (redress/legal_entities).
CREATE TABLE read.legal_entity_current (
  tenant_id text NOT NULL,
  stream_id uuid PRIMARY KEY,
  version bigint NOT NULL,
  doc jsonb NOT NULL
);
-- Follows the log (redress/projections/version_history.py). known_until NULL: this version is the known one.
CREATE TABLE read.legal_entity_history (
  tenant_id text NOT NULL,
  stream_id uuid NOT NULL,
  version bigint NOT NULL,
  known_from timestamptz NOT NULL,
  known_until timestamptz,
  doc jsonb NOT NULL,
  PRIMARY KEY (stream_id, version)
);
SELECT es.protect('read.legal_entity_current', false), es.protect('read.legal_entity_history');

SELECT es.keeps_document('legal-entity', 'read.legal_entity_current'),
       es.keeps_versions('legal-entity', 'read.legal_entity_history');
SELECT es.list_column('legal-entity', 'code', 'text', $$doc #>> '{code}'$$, p_required => true),
       es.list_column('legal-entity', 'zone', 'text', $$doc #>> '{zone}'$$, p_required => true),
       es.list_column('legal-entity', 'described_at', 'timestamptz', $$es.instant(doc #>> '{described_at}')$$,
                      p_required => true);
CREATE UNIQUE INDEX legal_entity_by_code ON read.legal_entity_current (tenant_id, code);
CREATE INDEX legal_entity_versions_by_code ON read.legal_entity_history (tenant_id, code, version);
