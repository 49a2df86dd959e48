"""The tables of the audit log, and what keeps their rows as they are."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    action TEXT NOT NULL,
    tenant TEXT NOT NULL,
    hint_id TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    why TEXT NOT NULL,
    hint TEXT,
    shown INTEGER NOT NULL DEFAULT 0,
    helped INTEGER NOT NULL DEFAULT 0,
    hurt INTEGER NOT NULL DEFAULT 0,
    source TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS entries_of_hint ON entries (tenant, hint_id, action, seq);
CREATE UNIQUE INDEX IF NOT EXISTS entries_once ON entries (tenant, hint_id, source)
    WHERE action = 'record' AND source <> '';
CREATE TABLE IF NOT EXISTS snapshots (
    name TEXT PRIMARY KEY, seq INTEGER NOT NULL, at REAL NOT NULL, by_whom TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS points (
    tenant TEXT NOT NULL, name TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL,
    by_whom TEXT NOT NULL, PRIMARY KEY (tenant, name)
);
INSERT INTO points SELECT 'default', name, seq, at, by_whom FROM snapshots WHERE TRUE
    ON CONFLICT DO NOTHING;
"""
"""Snapshots are in `points`; those of `snapshots` are from before each had a tenant."""
STAYS = """
CREATE TRIGGER IF NOT EXISTS entries_stay BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entries_keep BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
"""
STAYS_IN_POSTGRES = """
CREATE OR REPLACE FUNCTION entries_stay() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;
CREATE OR REPLACE TRIGGER entries_stay BEFORE UPDATE OR DELETE ON entries
FOR EACH ROW EXECUTE FUNCTION entries_stay();
"""
