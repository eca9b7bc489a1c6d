"""The tables of the fleet server, which tests of the whole station read too.

``clients``      one row a client: ``rid`` (public) and ``cik`` (secret), each 40 hex digits;
                 ``parent`` makes the tree; ``phase`` is ``notactivated`` (until D1, while ``open_until``
                 is ahead), ``activated`` (the CIK works) or ``expired``; ``locked`` overrides all three;
                 ``room`` is how many clients it may have right below it, NULL any number; ``name`` and
                 ``meta`` are for people
``vendors``      ``name`` and the client that holds it, creator of the vendor's models
``tokens``       a vendor's tokens by their ``name``, which the vendor chose
``codes``        share codes, and the client that each stands for; ``meta`` is for people
``models``       ``vendor`` and ``name``; the template as exactly one of ``rid`` and ``code``; ``options`` in
                 alphabetical order, a blank between; ``window_s`` overrides the server's window
``serials``      ``model``, ``sn``, ``extra``; ``rid`` is the client, NULL while unused.  Unique: one client has
                 one serial number.  No foreign key: a client can be dropped, which orphans the number.
                 ``enabled_by`` is the vendor that enabled it: the model's own, or one that the model is shared with
``blocks``       how many serial numbers of a model that ``vendor`` enabled, or of all with ``vendor`` 0, have an ``id``
                 in ``block * 1024`` and the 1023 after it, so that a page far down a list is found without
                 walking to it; kept by triggers
``ranges``       ranges of serial numbers that are listed without a row of their own (section 3)
``activations``  the log of successful D1 calls: ``at``, ``peer`` (IP address), ``entry`` (raw request body), and
                 ``enabled_by``, the vendor that had enabled the serial number
``contents``     a model's content entries: ``protected`` 0 or 1; ``type``, ``size`` (bytes) and ``updated`` of the
                 blob, or '', 0 and the time of creation before the first upload; ``blob`` is NULL until then
``chunks``       the blobs in pieces of ``blobs.CHUNK`` bytes, the last one shorter, ``number`` from 0; a blob is
                 never changed: an upload makes a new one, and those that no entry names are swept
``groups``       a model's groups
``members``      what is in a group: ``type`` is sn, content or group and ``member`` its name in the same model;
                 ``expire`` in Unix seconds, 0 is never
``shares``       the vendors that a model is shared with

Times are UTC microseconds, but for ``members.expire``.  A serial number has
one client, so a client whose ``parent`` is an owner of devices and that no
``serials.rid`` names was either detached by M50 or made in error.

Secrets are found by the SHA-256 beside them: the time that an index takes to
find a digest tells nothing about the secret.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

migrations = Migrations("fleet")


@migrations(name="0001_provisioning")
def _provisioning(db: Database) -> None:
    for statement in (
        """CREATE TABLE clients(
             id INTEGER PRIMARY KEY, rid TEXT NOT NULL UNIQUE CHECK(length(rid) = 40),
             cik TEXT NOT NULL CHECK(length(cik) = 40), cik_digest BLOB NOT NULL UNIQUE,
             parent INTEGER REFERENCES clients(id), name TEXT NOT NULL,
             phase TEXT NOT NULL CHECK(phase IN ('notactivated', 'activated', 'expired')),
             open_until INTEGER, CHECK((phase = 'notactivated') = (open_until IS NOT NULL))) STRICT""",
        "CREATE INDEX clients_by_parent ON clients(parent)",
        """CREATE TABLE vendors(
             id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
             client INTEGER NOT NULL UNIQUE REFERENCES clients(id)) STRICT""",
        """CREATE TABLE tokens(
             id INTEGER PRIMARY KEY, vendor INTEGER NOT NULL REFERENCES vendors(id), name TEXT NOT NULL,
             token TEXT NOT NULL CHECK(length(token) = 40), token_digest BLOB NOT NULL UNIQUE,
             UNIQUE(vendor, name)) STRICT""",
        """CREATE TABLE codes(
             code TEXT PRIMARY KEY CHECK(length(code) = 40),
             client INTEGER NOT NULL REFERENCES clients(id)) STRICT""",
        """CREATE TABLE models(
             id INTEGER PRIMARY KEY, vendor INTEGER NOT NULL REFERENCES vendors(id), name TEXT NOT NULL,
             rid TEXT, code TEXT, options TEXT NOT NULL, window_s INTEGER,
             UNIQUE(vendor, name), CHECK((rid IS NULL) <> (code IS NULL))) STRICT""",
        """CREATE TABLE serials(
             id INTEGER PRIMARY KEY, model INTEGER NOT NULL REFERENCES models(id), sn TEXT NOT NULL,
             extra TEXT NOT NULL, rid TEXT UNIQUE, UNIQUE(model, sn)) STRICT""",
        "CREATE INDEX serials_in_order ON serials(model, id)",
        """CREATE TABLE activations(
             id INTEGER PRIMARY KEY, model INTEGER NOT NULL REFERENCES models(id), sn TEXT NOT NULL,
             at INTEGER NOT NULL, peer TEXT NOT NULL, entry TEXT NOT NULL) STRICT""",
        "CREATE INDEX activations_by_serial ON activations(model, sn)",
    ):
        db.execute(statement)


@migrations(name="0002_whole_api")
def _whole_api(db: Database) -> None:
    for statement in (
        "ALTER TABLE clients ADD COLUMN meta TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE clients ADD COLUMN locked INTEGER NOT NULL DEFAULT 0 CHECK(locked IN (0, 1))",
        "ALTER TABLE clients ADD COLUMN room INTEGER CHECK(room >= 0)",
        "ALTER TABLE codes ADD COLUMN meta TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX codes_by_client ON codes(client)",
        "ALTER TABLE serials ADD COLUMN enabled_by INTEGER REFERENCES vendors(id) ON DELETE SET NULL",
        """UPDATE serials SET enabled_by = (SELECT vendor FROM models WHERE models.id = serials.model)
           WHERE rid IS NOT NULL""",
        "ALTER TABLE activations ADD COLUMN enabled_by INTEGER REFERENCES vendors(id) ON DELETE SET NULL",
        "UPDATE activations SET enabled_by = (SELECT vendor FROM models WHERE models.id = activations.model)",
        "CREATE INDEX serials_by_enabler ON serials(model, enabled_by, id) WHERE enabled_by IS NOT NULL",
        """CREATE TABLE blocks(
             model INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE, vendor INTEGER NOT NULL,
             block INTEGER NOT NULL, count INTEGER NOT NULL,
             PRIMARY KEY(model, vendor, block)) STRICT, WITHOUT ROWID""",
        "INSERT INTO blocks SELECT model, 0, id >> 10, count(*) FROM serials GROUP BY 1, 3",
        """INSERT INTO blocks SELECT model, enabled_by, id >> 10, count(*) FROM serials
           WHERE enabled_by IS NOT NULL GROUP BY 1, 2, 3""",
        """CREATE TRIGGER serial_listed AFTER INSERT ON serials BEGIN
             INSERT INTO blocks VALUES (new.model, 0, new.id >> 10, 1)
               ON CONFLICT(model, vendor, block) DO UPDATE SET count = count + 1; END""",
        """CREATE TRIGGER serial_listed_enabled AFTER INSERT ON serials WHEN new.enabled_by IS NOT NULL BEGIN
             INSERT INTO blocks VALUES (new.model, new.enabled_by, new.id >> 10, 1)
               ON CONFLICT(model, vendor, block) DO UPDATE SET count = count + 1; END""",
        """CREATE TRIGGER serial_enabled AFTER UPDATE OF enabled_by ON serials
             WHEN new.enabled_by IS NOT old.enabled_by BEGIN
             UPDATE blocks SET count = count - 1
               WHERE model = old.model AND vendor = old.enabled_by AND block = old.id >> 10;
             DELETE FROM blocks
               WHERE model = old.model AND vendor = old.enabled_by AND block = old.id >> 10 AND count = 0;
             INSERT INTO blocks SELECT new.model, new.enabled_by, new.id >> 10, 1 WHERE new.enabled_by IS NOT NULL
               ON CONFLICT(model, vendor, block) DO UPDATE SET count = count + 1; END""",
        """CREATE TRIGGER serial_unlisted AFTER DELETE ON serials BEGIN
             UPDATE blocks SET count = count - 1 WHERE model = old.model AND vendor = 0 AND block = old.id >> 10;
             DELETE FROM blocks
               WHERE model = old.model AND vendor = 0 AND block = old.id >> 10 AND count = 0; END""",
        """CREATE TRIGGER serial_unlisted_enabled AFTER DELETE ON serials WHEN old.enabled_by IS NOT NULL BEGIN
             UPDATE blocks SET count = count - 1
               WHERE model = old.model AND vendor = old.enabled_by AND block = old.id >> 10;
             DELETE FROM blocks
               WHERE model = old.model AND vendor = old.enabled_by AND block = old.id >> 10 AND count = 0; END""",
        """CREATE TABLE ranges(
             id INTEGER PRIMARY KEY, model INTEGER NOT NULL REFERENCES models(id),
             format TEXT NOT NULL CHECK(format IN ('base10', 'base16', 'mac:48', 'mac-48', 'mac.48')),
             length INTEGER, casing TEXT CHECK(casing IN ('upper', 'lower')),
             first INTEGER NOT NULL CHECK(first >= 0), last INTEGER NOT NULL CHECK(last >= first)) STRICT""",
        "CREATE INDEX ranges_alike ON ranges(model, format, length, casing, last, first)",
        """CREATE TABLE contents(
             id INTEGER PRIMARY KEY, model INTEGER NOT NULL REFERENCES models(id), name TEXT NOT NULL,
             meta TEXT NOT NULL, protected INTEGER NOT NULL CHECK(protected IN (0, 1)),
             type TEXT NOT NULL DEFAULT '', size INTEGER NOT NULL DEFAULT 0, updated INTEGER NOT NULL,
             blob INTEGER UNIQUE, UNIQUE(model, name)) STRICT""",
        """CREATE TABLE chunks(
             blob INTEGER NOT NULL, number INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY(blob, number)) STRICT""",
        """CREATE TABLE groups(
             id INTEGER PRIMARY KEY, model INTEGER NOT NULL REFERENCES models(id), name TEXT NOT NULL,
             meta TEXT NOT NULL, UNIQUE(model, name)) STRICT""",
        """CREATE TABLE members(
             id INTEGER PRIMARY KEY, "group" INTEGER NOT NULL REFERENCES groups(id) ON DELETE CASCADE,
             type TEXT NOT NULL CHECK(type IN ('sn', 'content', 'group')), member TEXT NOT NULL,
             expire INTEGER NOT NULL, meta TEXT NOT NULL, UNIQUE("group", member, type)) STRICT""",
        'CREATE INDEX members_in_order ON members("group", id)',
        'CREATE INDEX members_of_type ON members("group", type, id)',
        "CREATE INDEX members_by_name ON members(type, member)",
        """CREATE TABLE shares(
             id INTEGER PRIMARY KEY, model INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
             vendor INTEGER NOT NULL REFERENCES vendors(id), UNIQUE(model, vendor)) STRICT""",
        "CREATE INDEX shares_by_vendor ON shares(vendor)",
    ):
        db.execute(statement)
