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
INSERT INTO "events" VALUES(1,1795655207012742,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','recipe',NULL,'station','{"rows":{"recipes":{"name":"gateway-g1","sha256":"abababababababababababababababababababababababababababababababab","text":"name = \"gateway-g1\"\n","version":"1"}}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'1FDC6DFB96A5B5CF6982300FE7A7CA28B555F7E07743AC76A518B743D0BEABC1');
INSERT INTO "events" VALUES(2,1795655207013461,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','open',1,'station','{"facts":{"software":"0.1.0"},"rows":{"cycles":{"attempt":null,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":null,"id":1,"opened_at":1795655207013443,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":null,"serial":null,"slot":"1","step":null,"work_order":null}}}',X'1FDC6DFB96A5B5CF6982300FE7A7CA28B555F7E07743AC76A518B743D0BEABC1',X'5166C85392DE15DD8DA34EA2C97A73365E3100195F9DBBC303A434B5507C1936');
INSERT INTO "events" VALUES(3,1795655207013716,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','intend',1,'station','{"rows":{"cycles":{"attempt":null,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":null,"id":1,"opened_at":1795655207013443,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":null,"serial":null,"slot":"1","step":"identify","work_order":null}},"step":"identify"}',X'5166C85392DE15DD8DA34EA2C97A73365E3100195F9DBBC303A434B5507C1936',X'F6127BDAD3802ADC62E7E64C707B83AA22A22D4609837437AF48A139D37E6A18');
INSERT INTO "events" VALUES(4,1795655207014550,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','settle',1,'station','{"facts":{"identity":{"firmware":"U-Boot","hardware_id":"02:00","hardware_revision":"","serial":"SN1"}},"rows":{"boards":{"attempts":1,"hardware_id":"02:00","last_cycle":1,"passed_cycle":null,"serial":"SN1"}},"step":"identify"}',X'F6127BDAD3802ADC62E7E64C707B83AA22A22D4609837437AF48A139D37E6A18',X'FFCEBE9650E43026FF5373D729E2B80F3B34488880737306A2743E7C1D114C5F');
INSERT INTO "events" VALUES(5,1795655207014695,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','intend',1,'station','{"rows":{"cycles":{"attempt":1,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":"02:00","id":1,"opened_at":1795655207013443,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":null,"serial":"SN1","slot":"1","step":"enable","work_order":null}},"step":"enable"}',X'FFCEBE9650E43026FF5373D729E2B80F3B34488880737306A2743E7C1D114C5F',X'C1FD51720C46B1083AD01892246838BD88F71FA124F1F798F9426782C7055AAF');
INSERT INTO "events" VALUES(6,1795655207015222,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','settle',1,'station','{"facts":{"found":"unused","move":"enable","rid":"0123456789abcdef0123456789abcdef01234567"},"step":"enable"}',X'C1FD51720C46B1083AD01892246838BD88F71FA124F1F798F9426782C7055AAF',X'B7AF060BAAF032EB9DDBD15A57E9F78A444EF88BF48212FFA2556DE86784785B');
INSERT INTO "events" VALUES(7,1795655207015312,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','intend',1,'station','{"rows":{"cycles":{"attempt":1,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":"02:00","id":1,"opened_at":1795655207013443,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":"0123456789abcdef0123456789abcdef01234567","serial":"SN1","slot":"1","step":"configure","work_order":null}},"step":"configure"}',X'B7AF060BAAF032EB9DDBD15A57E9F78A444EF88BF48212FFA2556DE86784785B',X'B97A108070DA8F7A493627F5E049621482FBE3E64E7EB75C01ED2FE07CB8D9C6');
INSERT INTO "events" VALUES(8,1795655207015780,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','close',1,'station','{"details":{"seen":1},"facts":{"rid":"0123456789abcdef0123456789abcdef01234567"},"rows":{"boards":{"attempts":1,"hardware_id":"02:00","last_cycle":1,"passed_cycle":1,"serial":"SN1"},"cycles":{"attempt":1,"closed_at":1795655207015748,"duration_ms":1234,"error":null,"hardware_id":"02:00","id":1,"opened_at":1795655207013443,"operator":null,"outcome":"PASS","recipe":"abababababababababababababababababababababababababababababababab","released_at":1795655207015748,"removed_at":null,"rid":"0123456789abcdef0123456789abcdef01234567","serial":"SN1","slot":"1","step":"configure","work_order":null}},"software":"0.1.0","text":"why"}',X'B97A108070DA8F7A493627F5E049621482FBE3E64E7EB75C01ED2FE07CB8D9C6',X'9A971F1369AEA4E9CDFFEF417C44940474C6837DB3B308103B2BE7AE0E858C20');
INSERT INTO "events" VALUES(9,1795655207016312,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','open',2,'station','{"facts":{"software":"0.1.0"},"rows":{"cycles":{"attempt":null,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":null,"id":2,"opened_at":1795655207016301,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":null,"serial":null,"slot":"1","step":null,"work_order":null}}}',X'9A971F1369AEA4E9CDFFEF417C44940474C6837DB3B308103B2BE7AE0E858C20',X'24A410FF0C722E716D26CA3C984C89E40D730E7188D3555383DB47C8925A5455');
INSERT INTO "events" VALUES(10,1795655207016417,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','intend',2,'station','{"rows":{"cycles":{"attempt":null,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":null,"id":2,"opened_at":1795655207016301,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":null,"serial":null,"slot":"1","step":"identify","work_order":null}},"step":"identify"}',X'24A410FF0C722E716D26CA3C984C89E40D730E7188D3555383DB47C8925A5455',X'A2A1E52AC2FA00B16F39D1CEB4592D43FFF77282981E5C526F1A9018A1E1D740');
INSERT INTO "events" VALUES(11,1795655207016924,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','settle',2,'station','{"facts":{"identity":{"firmware":"U-Boot","hardware_id":"02:00","hardware_revision":"","serial":"SN2"}},"rows":{"boards":{"attempts":1,"hardware_id":"02:00","last_cycle":2,"passed_cycle":null,"serial":"SN2"}},"step":"identify"}',X'A2A1E52AC2FA00B16F39D1CEB4592D43FFF77282981E5C526F1A9018A1E1D740',X'764721A51BD0FD7E26752E0C6AF96381926D28DF8C7089B4C472567475D56F55');
INSERT INTO "events" VALUES(12,1795655207017012,'unsynced','0123456789abcdef','5988f9de36de4deea63db0cf7b87775d','intend',2,'station','{"rows":{"cycles":{"attempt":1,"closed_at":null,"duration_ms":null,"error":null,"hardware_id":"02:00","id":2,"opened_at":1795655207016301,"operator":null,"outcome":null,"recipe":"abababababababababababababababababababababababababababababababab","released_at":null,"removed_at":null,"rid":null,"serial":"SN2","slot":"1","step":"enable","work_order":null}},"step":"enable"}',X'764721A51BD0FD7E26752E0C6AF96381926D28DF8C7089B4C472567475D56F55',X'5B0834CC28E7EE559449C4F79766D398E3B43CEE96958F5AB5857FA7409B7D56');
CREATE TABLE recipes(
  sha256 TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  text TEXT NOT NULL                            -- the file, whole
) STRICT;
INSERT INTO "recipes" VALUES('abababababababababababababababababababababababababababababababab','gateway-g1','1','name = "gateway-g1"
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
