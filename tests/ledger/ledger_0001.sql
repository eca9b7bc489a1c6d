BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'ledger','0001_first','2026-11-26 01:06:47.011950+00:00');
CREATE TABLE boards(
  serial TEXT PRIMARY KEY,
  hardware_id TEXT,
  attempts INTEGER NOT NULL,
  passed_cycle INTEGER,                         -- its last PASS
  last_cycle INTEGER NOT NULL
) STRICT;
INSERT INTO "boards" VALUES('SN1','02:00',1,1,1);
INSERT INTO "boards" VALUES('SN2','02:00',1,NULL,2);
CREATE TABLE cycles(
  id INTEGER PRIMARY KEY,
  slot TEXT NOT NULL,
  recipe TEXT NOT NULL,                         -- SHA-256 of the recipe's text
  operator TEXT,
  work_order TEXT,
  opened_at INTEGER NOT NULL,
  serial TEXT,                                  -- once identify has settled
  hardware_id TEXT,
  attempt INTEGER,                              -- counts the cycles of one serial number, from 1
  rid TEXT,                                     -- once enable has settled
  step TEXT,                                    -- the step that is intended and not settled; the last one once closed
  released_at INTEGER,                          -- the slot is free for another board
  closed_at INTEGER,
  outcome TEXT CHECK (outcome IN ('PASS', 'FAIL', 'ERROR', 'ABORTED')),
  error TEXT,                                   -- the code, unless PASS
  duration_ms INTEGER,                          -- monotonic where no restart lies between
  removed_at INTEGER,                           -- the board was seen to leave
  CHECK ((closed_at IS NULL) = (outcome IS NULL)),
  CHECK ((outcome IS 'PASS') <= (error IS NULL AND serial IS NOT NULL AND rid IS NOT NULL))
) STRICT;
INSERT INTO "cycles" VALUES(1,'1','abababababababababababababababababababababababababababababababab',NULL,NULL,1795655207013443,'SN1','02:00',1,'0123456789abcdef0123456789abcdef01234567','configure',1795655207015748,1795655207015748,'PASS',NULL,1234,NULL);
INSERT INTO "cycles" VALUES(2,'1','abababababababababababababababababababababababababababababababab',NULL,NULL,1795655207016301,'SN2','02:00',1,NULL,'enable',NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE events(
  id INTEGER PRIMARY KEY,                       -- 1, 2, 3, ... without a gap
  at INTEGER NOT NULL,                          -- UTC, microseconds
  clock TEXT NOT NULL CHECK (clock IN ('synced', 'unsynced', 'unknown')),
  station TEXT NOT NULL CHECK (instr(station, char(9)) = 0),
  boot TEXT NOT NULL CHECK (instr(boot, char(9)) = 0),       -- the kernel's id of this boot
  kind TEXT NOT NULL CHECK (instr(kind, char(9)) = 0),
  cycle INTEGER,
  actor TEXT NOT NULL CHECK (instr(actor, char(9)) = 0),     -- who: 'station', or an operator
  body TEXT NOT NULL CHECK (json_valid(body)),  -- JSON: sorted keys, no blanks, ASCII, no floats
  previous BLOB NOT NULL CHECK (length(previous) = 32),
  hash BLOB NOT NULL CHECK (length(hash) = 32)  -- SHA-256, see chain.py
) STRICT;
INSERT INTO "events" VALUES(1,1795655207012742,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','recipe',NULL,'station','{"rows":{"recipes":{"name":"gateway-g1","sha256":"abababababababababababababababababababababababababababababababab","text":"name = \"gateway-g1\"\n[fleet]\nmodel = \"gateway\"\n","version":"1"}}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'7EBD578462184D9F09755FCA4DF99AEB126F4D2D218F3E699CD8A2277EAEF1E4');
INSERT INTO "events" VALUES(2,1795655207013461,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','open',1,'station','{"facts":{"software":"0.1.0"},"rows":{"cycles":{"attempt":null,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":null,"id":1,"opened_at":1795655207013443,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":null,"serial":null,"slot":"1","step":null,"work_order":null}}}',X'7EBD578462184D9F09755FCA4DF99AEB126F4D2D218F3E699CD8A2277EAEF1E4',X'8CE677E2F503FA29C9BC1AA1B3BDD7A42387141C8C7DB7036B8033B675BB84BD');
INSERT INTO "events" VALUES(3,1795655207013716,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','intend',1,'station','{"rows":{"cycles":{"attempt":null,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":null,"id":1,"opened_at":1795655207013443,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":null,"serial":null,"slot":"1","step":"identify","work_order":null}},"step":"identify"}',X'8CE677E2F503FA29C9BC1AA1B3BDD7A42387141C8C7DB7036B8033B675BB84BD',X'ADDCF61558597394BDADD12D3B662B6F3EE10A96E8602EE72FAA2C9B78EC9CB3');
INSERT INTO "events" VALUES(4,1795655207014550,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','settle',1,'station','{"facts":{"identity":{"firmware":"U-Boot","hardware_id":"02:00","hardware_revision":"","serial":"SN1"}},"rows":{"boards":{"attempts":1,"hardware_id":"02:00","last_cycle":1,"passed_cycle":null,"serial":"SN1"}},"step":"identify"}',X'ADDCF61558597394BDADD12D3B662B6F3EE10A96E8602EE72FAA2C9B78EC9CB3',X'D408DFBE08B514C0E3C83D86A293B8527D454EEDFC1636A8D64E94D0969E20AA');
INSERT INTO "events" VALUES(5,1795655207014695,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','intend',1,'station','{"rows":{"cycles":{"attempt":1,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":"02:00","id":1,"opened_at":1795655207013443,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":null,"serial":"SN1","slot":"1","step":"enable","work_order":null}},"step":"enable"}',X'D408DFBE08B514C0E3C83D86A293B8527D454EEDFC1636A8D64E94D0969E20AA',X'92F0D9ED58C088DD0A4B3F02CE54C11842549F93D045994B89D2C48970837501');
INSERT INTO "events" VALUES(6,1795655207015222,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','settle',1,'station','{"facts":{"found":"unused","move":"enable","rid":"0123456789abcdef0123456789abcdef01234567"},"step":"enable"}',X'92F0D9ED58C088DD0A4B3F02CE54C11842549F93D045994B89D2C48970837501',X'D4AAEB17A47F9FBD8CAA786C0CDA1100496EF58DE4FF7E279A9C3A69E67278E1');
INSERT INTO "events" VALUES(7,1795655207015312,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','intend',1,'station','{"rows":{"cycles":{"attempt":1,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":"02:00","id":1,"opened_at":1795655207013443,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":"0123456789abcdef0123456789abcdef01234567","serial":"SN1","slot":"1","step":"configure","work_order":null}},"step":"configure"}',X'D4AAEB17A47F9FBD8CAA786C0CDA1100496EF58DE4FF7E279A9C3A69E67278E1',X'A70189805B0B3C61E61EF1154D6331B0A36D3F4963E6754A5C005F506EDA3478');
INSERT INTO "events" VALUES(8,1795655207015780,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','close',1,'station','{"details":{"seen":1},"facts":{"rid":"0123456789abcdef0123456789abcdef01234567"},"rows":{"boards":{"attempts":1,"hardware_id":"02:00","last_cycle":1,"passed_cycle":1,"serial":"SN1"},"cycles":{"attempt":1,"closed_at":1795655207015748,"duration_ms":1234,"error":null,"hardware_id":"02:00","id":1,"opened_at":1795655207013443,"operator":null,"outcome":"PASS","recipe":"abababababababababababababababababababababababababababababababab","released_at":1795655207015748,"removed_at":null,"rid":"0123456789abcdef0123456789abcdef01234567","serial":"SN1","slot":"1","step":"configure","work_order":null}},"software":"0.1.0","text":"why"}',X'A70189805B0B3C61E61EF1154D6331B0A36D3F4963E6754A5C005F506EDA3478',X'5010619D2F2D53953CF101BE8E09512D632B6840B09E9F3EA7F9FB98109F196D');
INSERT INTO "events" VALUES(9,1795655207016312,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','open',2,'station','{"facts":{"software":"0.1.0"},"rows":{"cycles":{"attempt":null,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":null,"id":2,"opened_at":1795655207016301,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":null,"serial":null,"slot":"1","step":null,"work_order":null}}}',X'5010619D2F2D53953CF101BE8E09512D632B6840B09E9F3EA7F9FB98109F196D',X'D4A88A06F7FCDECE4C57ACFE48440DED007CB66C5E7887F1F14107DF55D53678');
INSERT INTO "events" VALUES(10,1795655207016417,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','intend',2,'station','{"rows":{"cycles":{"attempt":null,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":null,"id":2,"opened_at":1795655207016301,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":null,"serial":null,"slot":"1","step":"identify","work_order":null}},"step":"identify"}',X'D4A88A06F7FCDECE4C57ACFE48440DED007CB66C5E7887F1F14107DF55D53678',X'FB808E2DB86224F1DB2426A5C14F4F92B22BAFAB5A33BAC6342DB9D7D592EE98');
INSERT INTO "events" VALUES(11,1795655207016924,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','settle',2,'station','{"facts":{"identity":{"firmware":"U-Boot","hardware_id":"02:00","hardware_revision":"","serial":"SN2"}},"rows":{"boards":{"attempts":1,"hardware_id":"02:00","last_cycle":2,"passed_cycle":null,"serial":"SN2"}},"step":"identify"}',X'FB808E2DB86224F1DB2426A5C14F4F92B22BAFAB5A33BAC6342DB9D7D592EE98',X'6D0E11B8C529C4318210381AE96C59724C072AE59868C984479BB3FF0E2397ED');
INSERT INTO "events" VALUES(12,1795655207017012,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','intend',2,'station','{"rows":{"cycles":{"attempt":1,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":"02:00","id":2,"opened_at":1795655207016301,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":null,"serial":"SN2","slot":"1","step":"enable","work_order":null}},"step":"enable"}',X'6D0E11B8C529C4318210381AE96C59724C072AE59868C984479BB3FF0E2397ED',X'854E6AFFB0EC56DF07C9E262FB0768067D2703FAC4696262967CDED1704E1B4F');
CREATE TABLE recipes(
  sha256 TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  text TEXT NOT NULL                            -- the file, whole
) STRICT;
INSERT INTO "recipes" VALUES('abababababababababababababababababababababababababababababababab','gateway-g1','1','name = "gateway-g1"
[fleet]
model = "gateway"
');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX events_of_cycle ON events(cycle) WHERE cycle IS NOT NULL;
CREATE TRIGGER events_follow BEFORE INSERT ON events
WHEN (SELECT (id + 1, hash) IS NOT (NEW.id, NEW.previous) FROM events ORDER BY id DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'events are insert-only, each after the last'); END;
CREATE TRIGGER events_stay BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are insert-only'); END;
CREATE TRIGGER events_remain BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are insert-only'); END;
CREATE TRIGGER closed_cycles_stay BEFORE UPDATE ON cycles
WHEN OLD.closed_at IS NOT NULL
  AND (OLD.serial, OLD.rid, OLD.closed_at, OLD.outcome, OLD.error) IS NOT
    (NEW.serial, NEW.rid, NEW.closed_at, NEW.outcome, NEW.error)
BEGIN SELECT RAISE(ABORT, 'a closed cycle stays as it is'); END;
CREATE UNIQUE INDEX one_cycle_a_serial ON cycles(serial) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX one_cycle_a_slot ON cycles(slot) WHERE released_at IS NULL;
CREATE INDEX cycles_of_serial ON cycles(serial);
CREATE INDEX cycles_of_slot ON cycles(slot, id);
CREATE INDEX cycles_by_close ON cycles(closed_at);
CREATE INDEX boards_of_hardware ON boards(hardware_id) WHERE hardware_id <> '';
CREATE VIEW v_steps AS
SELECT i.cycle AS cycle, i.id AS intended, json_extract(i.body, '$.step') AS step,
  i.at AS intended_at, s.at AS settled_at, json_extract(s.body, '$.facts') AS facts
FROM events i LEFT JOIN events s
  ON s.cycle = i.cycle AND s.kind = 'settle' AND json_extract(s.body, '$.step') = json_extract(i.body, '$.step')
  AND s.id > i.id AND NOT EXISTS (
    SELECT 1 FROM events again                  -- intended again after a cut: the last one is what settled
    WHERE again.cycle = i.cycle AND again.kind = 'intend' AND again.id > i.id AND again.id < s.id
      AND json_extract(again.body, '$.step') = json_extract(i.body, '$.step'))
WHERE i.kind = 'intend';
COMMIT;
