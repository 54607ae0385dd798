/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/store/sql.h"

/* CROSS: in this order, the jobs first; nothing is sorted then */
#define OF_OPEN_JOBS                                                           \
	" FROM job j CROSS JOIN unit n"                                        \
	" WHERE j.ended IS NULL AND n.job_id = j.id"
#define OF_OPEN_UNITS(table)                                                   \
	" FROM job j CROSS JOIN unit n CROSS JOIN " table " x"                 \
	" WHERE j.ended IS NULL AND n.job_id = j.id AND x.unit_id = n.id"
#define OF_JOBS_UNITS(table)                                                   \
	" FROM unit n CROSS JOIN " table " x"                                  \
	" WHERE n.job_id = ?1 AND x.unit_id = n.id"

/* artifacts of an attempt that are not here any more */
#define LOST_OF(unit, attempt)                                                 \
	" FROM artifact a JOIN blob b ON b.digest = a.digest"                  \
	" WHERE b.lost <> 0 AND a.unit_id = " unit " AND a.attempt = " attempt

const char *const sql_texts[SQL_COUNT] = {
    /* SQLite's own: whoever writes later waits here, not in the middle */
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_SAVEPOINT] = "SAVEPOINT step",
    [SQL_RELEASE] = "RELEASE SAVEPOINT step",
    [SQL_UNDO] = "ROLLBACK TO SAVEPOINT step",

    [SQL_META_SET] = "INSERT INTO meta (name, value) VALUES (?1, ?2)"
		     " ON CONFLICT (name) DO UPDATE SET value = ?2",
    [SQL_META_GET] = "SELECT value FROM meta WHERE name = ?1",

    [SQL_USER_ADD] = "INSERT INTO person (name, created) VALUES (?1, ?2)"
		     " ON CONFLICT (name) DO NOTHING",
    [SQL_USER_RIGHT] = "SELECT rights FROM person WHERE name = ?1",
    [SQL_USER_RIGHT_SET] = "UPDATE person SET rights = ?2 WHERE name = ?1",
    [SQL_USER_RIGHT_LIST] = "SELECT name, rights FROM person ORDER BY name",
    [SQL_USER_ID] = "SELECT id FROM person WHERE name = ?1",
    [SQL_USER_KEY_ADD] =
	"INSERT INTO user_key (fingerprint, user_id, armour, created)"
	" VALUES (?1, ?2, ?3, ?4)",
    [SQL_USER_KEYS] = "SELECT u.name, k.fingerprint, k.armour"
		      " FROM user_key k JOIN person u ON u.id = k.user_id"
		      " WHERE k.revoked IS NULL"
		      " ORDER BY u.name, k.created, k.fingerprint",
    /* CAST: what is NULL has a type too */
    [SQL_USER_KEY_REVOKE] =
	"UPDATE user_key SET revoked = ?3, reason = ?4"
	" WHERE fingerprint = ?1 AND revoked IS NULL"
	" AND (CAST(?2 AS TEXT) IS NULL"
	" OR user_id = (SELECT id FROM person WHERE name = ?2))",
    [SQL_USER_KEY_RESTORE] =
	"UPDATE user_key SET revoked = NULL, reason = NULL"
	" WHERE fingerprint = ?1 AND revoked IS NOT NULL"
	" AND user_id = (SELECT id FROM person WHERE name = ?2)",
    [SQL_USER_KEY_TRUSTED] = "SELECT 1 FROM user_key"
			     " WHERE fingerprint = ?1 AND revoked IS NULL",
    [SQL_USER_LIST] = "SELECT u.name, k.fingerprint, k.created, k.revoked"
		      " FROM user_key k JOIN person u ON u.id = k.user_id"
		      " ORDER BY u.name, k.created, k.fingerprint",

    [SQL_SESSION_ADD] =
	"INSERT INTO session"
	" (user_id, digest, fingerprint, created, expires, origin)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_SESSION_GET] =
	"SELECT s.id, u.name FROM session s JOIN person u ON u.id = s.user_id"
	" JOIN user_key k ON k.fingerprint = s.fingerprint"
	" AND k.user_id = s.user_id AND k.revoked IS NULL"
	" WHERE s.digest = ?1 AND s.expires > ?2",
    [SQL_SESSION_LIST] =
	"SELECT s.id, u.name, s.created, s.expires, s.origin, s.fingerprint"
	" FROM session s JOIN person u ON u.id = s.user_id"
	" WHERE (CAST(?1 AS TEXT) IS NULL OR u.name = ?1)"
	" AND s.expires > ?2 ORDER BY s.id",
    [SQL_SESSION_OWNER] =
	"SELECT u.name FROM session s JOIN person u ON u.id = s.user_id"
	" WHERE s.id = ?1 AND s.expires > ?2",
    [SQL_SESSION_END] = "UPDATE session SET expires = ?2 WHERE id = ?1",
    [SQL_SESSION_PRUNE] = "DELETE FROM session WHERE expires < ?1",

    [SQL_TOKEN_ADD] = "INSERT INTO token (digest, created, expires, name)"
		      " VALUES (?1, ?2, ?3, ?4)",
    [SQL_TOKEN_GOOD] = "SELECT name FROM token WHERE digest = ?1"
		       " AND slave_id IS NULL AND expires > ?2",
    [SQL_TOKEN_USE] = "UPDATE token SET slave_id = ?2 WHERE digest = ?1"
		      " AND slave_id IS NULL AND expires > ?3",

    [SQL_SLAVE_ADD] = "INSERT INTO slave"
		      " (name, fingerprint, state, created, last_seen)"
		      " VALUES (?1, ?2, 'active', ?3, ?3)",
    [SQL_SLAVE_BY_FINGERPRINT] =
	"SELECT id, name, state, coalesce(next_fingerprint = ?1, FALSE)"
	" FROM slave WHERE fingerprint = ?1 OR next_fingerprint = ?1",
    [SQL_SLAVE_BY_NAME] = "SELECT id, state FROM slave WHERE name = ?1",
    [SQL_SLAVE_REJOIN] =
	"UPDATE slave SET fingerprint = ?2, next_fingerprint = NULL,"
	" state = 'active', last_seen = ?3 WHERE id = ?1",
    [SQL_SLAVE_RENEW] = "UPDATE slave SET next_fingerprint = ?2"
			" WHERE id = ?1 AND state = 'active'",
    [SQL_SLAVE_RENEWED] = "UPDATE slave SET fingerprint = next_fingerprint,"
			  " next_fingerprint = NULL WHERE id = ?1",
    [SQL_SLAVE_HELLO] =
	"UPDATE slave SET hello = ?2, last_seen = ?3 WHERE id = ?1",
    [SQL_SLAVE_SEEN] = "UPDATE slave SET last_seen = ?2 WHERE id = ?1",
    [SQL_SLAVE_STRIKES] =
	"UPDATE slave SET strikes = ?2, strike_unit = ?3, pauses = ?4,"
	" paused_until = ?5 WHERE id = ?1",
    [SQL_SLAVE_HELD] =
	"SELECT id, strikes, strike_unit, pauses, paused_until FROM slave"
	" WHERE strikes > 0 OR pauses > 0",
    [SQL_SLAVE_FORGIVE] =
	"UPDATE slave SET strikes = 0, strike_unit = 0, pauses = 0,"
	" paused_until = 0 WHERE name = ?1",
    [SQL_SLAVE_LIST] = "SELECT id, name, state, hello, last_seen FROM slave"
		       " ORDER BY id",

    [SQL_SLAVE_RETIRE] = "UPDATE slave SET state = 'retired'"
			 " WHERE name = ?1 AND state = 'active'",
    [SQL_SLAVE_RULE] = "UPDATE slave SET ruled = ?2"
		       " WHERE name = ?1 AND state = 'active'",
    [SQL_SLAVE_RULES] = "SELECT id, name, ruled,"
			" CASE WHEN state = 'retired' THEN 1 ELSE 0 END,"
			" hello, last_seen, strikes + pauses FROM slave"
			" ORDER BY id",
    /* SQLite's own: changes when another process has written */
    [SQL_DATA_VERSION] = "PRAGMA data_version",

    [SQL_TREE_ADD] =
	"INSERT INTO tree (name, url, created, forced) VALUES (?1, ?2, ?3, ?4)",
    [SQL_TREE_GET] = "SELECT id, url, forced FROM tree WHERE name = ?1",
    [SQL_TREE_LIST] =
	"SELECT name, url, created, forced FROM tree ORDER BY name",
    [SQL_TREE_REVISIONS] =
	"SELECT DISTINCT j.revision FROM job j"
	" JOIN tree t ON t.id = j.tree_id"
	" WHERE t.name = ?1 AND j.ended IS NULL ORDER BY j.revision",

    [SQL_STAGE_ADD] = "INSERT INTO stage (digest, size, created)"
		      " VALUES (?1, ?2, ?3) ON CONFLICT (digest) DO NOTHING",
    [SQL_STAGE_NAME] = "INSERT INTO stage_name (name, digest)"
		       " VALUES (?1, ?2)"
		       " ON CONFLICT (name) DO UPDATE SET digest = ?2",
    [SQL_STAGE_LIST] =
	"SELECT n.name, s.digest, s.size, s.created, s.managers,"
	" (SELECT count(*) FROM stage_package p WHERE p.digest = s.digest)"
	" FROM stage_name n JOIN stage s ON s.digest = n.digest"
	" ORDER BY n.name",
    [SQL_STAGE_GET] =
	"SELECT coalesce(n.name, s.digest), s.digest, s.size, s.created,"
	" s.managers FROM stage s LEFT JOIN stage_name n"
	" ON n.digest = s.digest WHERE n.name = ?1 OR s.digest = ?1"
	" ORDER BY n.name",
    [SQL_STAGE_KNOWN] = "UPDATE stage SET managers = ?2 WHERE digest = ?1",
    [SQL_STAGE_FORGET] = "DELETE FROM stage_package WHERE digest = ?1",
    [SQL_STAGE_PACKAGE] = "INSERT INTO stage_package (digest, name, version)"
			  " VALUES (?1, ?2, ?3)",
    [SQL_STAGE_PACKAGES] = "SELECT name, version FROM stage_package"
			   " WHERE digest = ?1 ORDER BY name, version",
    [SQL_STAGE_SIZE] = "SELECT size FROM stage WHERE digest = ?1",
    [SQL_STAGE_UNNAME] = "DELETE FROM stage_name WHERE name = ?1",
    [SQL_STAGE_NAMES] = "SELECT count(*) FROM stage_name WHERE digest = ?1",
    /* a unit's wants are JSON with the digest of its stage */
    [SQL_STAGE_JOB] = "SELECT j.id" OF_OPEN_JOBS
		      " AND n.wants LIKE '%\"stage\":\"' || ?1 || '\"%'"
		      " ORDER BY j.id LIMIT 1",
    [SQL_STAGE_DROP] = "DELETE FROM stage WHERE digest = ?1",
    [SQL_STAGE_GONE] =
	"SELECT n.root FROM unit n WHERE n.job_id = ?1"
	" AND n.state NOT IN ('passed', 'skipped')"
	" AND n.wants LIKE '%\"stage\":\"%'"
	" AND n.wants NOT LIKE '%\"stage\":\"\"%'"
	" AND NOT EXISTS (SELECT 1 FROM stage s"
	"  WHERE n.wants LIKE '%\"stage\":\"' || s.digest || '\"%')"
	" ORDER BY n.id LIMIT 1",

    [SQL_NONCE_ADD] = "INSERT INTO nonce (nonce, created) VALUES (?1, ?2)",
    [SQL_NONCE_SEEN] = "SELECT 1 FROM nonce WHERE nonce = ?1",
    [SQL_NONCE_PRUNE] = "DELETE FROM nonce WHERE created < ?1",

    [SQL_AUDIT_ADD] =
	"INSERT INTO audit (created, who, what, object, origin, id, digest)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_AUDIT_HEAD] = "SELECT id, digest FROM audit ORDER BY id DESC LIMIT 1",
    [SQL_AUDIT_ONE] =
	"SELECT id, created, who, what, object, origin, digest FROM audit"
	" WHERE id > ?1 ORDER BY id LIMIT 1",
    [SQL_AUDIT_LIST] =
	"SELECT id, created, who, what, object, origin, digest FROM audit"
	" WHERE id > ?1 ORDER BY id",
    [SQL_AUDIT_SEAL] =
	"UPDATE audit SET digest = ?2 WHERE id = ?1 AND digest = ''",

    [SQL_JOB_ADD] =
	"INSERT INTO job (state, user_id, tree_id, root, revision, arches,"
	" priority, parameters, reuse, request, signature, created, security)"
	" VALUES ('queued', ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
	" ?12)",
    [SQL_JOB_STARTED] = "UPDATE job SET state = 'running', started = ?2"
			" WHERE id = ?1 AND state = 'queued'",
    [SQL_JOB_ENDED] = "UPDATE job SET state = ?2, ended = ?3 WHERE id = ?1"
		      " AND ended IS NULL",
    [SQL_JOB_GET] =
	"SELECT j.state, u.name, t.name, j.root, j.revision, j.arches,"
	" j.created, j.started, j.ended, j.priority, j.parameters, j.reuse,"
	" j.security, j.request"
	" FROM job j JOIN person u ON u.id = j.user_id"
	" JOIN tree t ON t.id = j.tree_id WHERE j.id = ?1",
    [SQL_JOB_LIST] =
	"SELECT j.id, j.root, j.state, u.name, j.revision, j.created, j.ended,"
	" (SELECT count(*) FROM unit n WHERE n.job_id = j.id),"
	" (SELECT count(*) FROM unit n WHERE n.job_id = j.id"
	"  AND n.ended IS NOT NULL)"
	" FROM job j JOIN person u ON u.id = j.user_id"
	" WHERE j.id < ?1 AND (CAST(?3 AS TEXT) IS NULL OR u.name = ?3)"
	" AND (CAST(?4 AS TEXT) IS NULL OR j.state = ?4)"
	" AND (CAST(?5 AS TEXT) IS NULL OR j.root = ?5 OR (j.root > ?5 || '-'"
	"  AND j.root < ?5 || '.'))"
	" ORDER BY j.id DESC LIMIT ?2",
    /* a cancelled job with a unit still leased is not over for us */
    [SQL_JOB_OPEN] =
	"SELECT j.id, j.priority, j.state, u.name, j.created, j.security,"
	" j.reuse"
	" FROM job j JOIN person u ON u.id = j.user_id"
	" WHERE j.ended IS NULL ORDER BY j.id",
    /* over, but a slave doesn't know it yet */
    [SQL_JOB_HELD] =
	"SELECT DISTINCT j.id FROM lease l JOIN unit n ON n.id = l.unit_id"
	" JOIN job j ON j.id = n.job_id"
	" WHERE l.state = 'held' AND j.ended IS NOT NULL",
    [SQL_JOB_ONE] =
	"SELECT j.id, j.priority, j.state, u.name, j.created, j.security,"
	" j.reuse"
	" FROM job j JOIN person u ON u.id = j.user_id WHERE j.id = ?1",
    [SQL_JOB_AGAIN] =
	"UPDATE job SET ended = NULL, state ="
	" CASE WHEN started IS NULL THEN 'queued' ELSE 'running' END"
	" WHERE id = ?1",
    [SQL_JOB_PRIORITY] = "UPDATE job SET priority = ?2 WHERE id = ?1",
    [SQL_JOB_REPIN] = "UPDATE job SET root = ?2, revision = ?3 WHERE id = ?1"
		      " AND state = 'queued'",
    [SQL_JOB_REQUEST] = "SELECT j.request, t.name FROM job j"
			" JOIN tree t ON t.id = j.tree_id WHERE j.id = ?1",
    [SQL_JOB_COUNTS] = "SELECT state, count(*) FROM job GROUP BY state",

    [SQL_UNIT_ADD] =
	"INSERT INTO unit (job_id, root, arch, state, wants, ready, key, pack,"
	" capsule, reusable)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    /* for load.c: of all open jobs, in their order, or of one */
    [SQL_UNIT_OPEN] =
	"SELECT n.job_id, n.id, n.root, n.arch, n.state, n.attempt, n.tries,"
	" n.wants, n.ready, n.reusable, n.key" OF_OPEN_JOBS
	" ORDER BY j.id, n.id",
    [SQL_UNIT_OF_JOB] =
	"SELECT job_id, id, root, arch, state, attempt, tries, wants, ready,"
	" reusable, key FROM unit WHERE job_id = ?1 ORDER BY id",
    [SQL_UNIT_OPEN_COUNT] = "SELECT count(*)" OF_OPEN_JOBS,
    [SQL_UNIT_STATE] = "UPDATE unit SET state = ?2, ready = ?3 WHERE id = ?1",
    [SQL_UNIT_END] = "UPDATE unit SET state = ?2, result = ?3, reason = ?4,"
		     " ended = ?5 WHERE id = ?1",
    [SQL_UNIT_RETRY] = "UPDATE unit SET state = 'ready', tries = ?2,"
		       " reason = ?3 WHERE id = ?1",
    [SQL_UNIT_LEASED] = "UPDATE unit SET state = 'leased', attempt = ?2,"
			" slave_id = ?3, reason = '' WHERE id = ?1",
    [SQL_UNIT_CAPSULE] =
	"SELECT n.capsule, n.pack, j.parameters"
	" FROM unit n JOIN job j ON j.id = n.job_id WHERE n.id = ?1",
    [SQL_UNIT_LIST] =
	"SELECT n.id, n.root, n.arch, n.state, n.attempt, s.name, n.key,"
	" n.result, n.reason, n.ended, l.granted, o.id, o.job_id FROM unit n"
	" LEFT JOIN slave s ON s.id = n.slave_id"
	" LEFT JOIN lease l ON l.unit_id = n.id AND l.attempt = n.attempt"
	" LEFT JOIN unit o ON o.id = n.reused_id"
	" WHERE n.job_id = ?1 ORDER BY n.id",
    /* whose logs it has: its own or those of the unit that it reuses */
    [SQL_UNIT_GET] =
	"SELECT o.attempt, o.state, o.id FROM unit n"
	" JOIN unit o ON o.id = coalesce(n.reused_id, n.id) WHERE n.id = ?1",
    [SQL_UNIT_STATES] =
	"SELECT id, state FROM unit WHERE job_id = ?1 ORDER BY id",
    [SQL_UNIT_AGAIN] =
	"UPDATE unit SET state = ?2, ready = ?3, tries = 0, result = '',"
	" reason = '', ended = NULL, slave_id = NULL WHERE id = ?1",
    [SQL_UNIT_DROP] = "DELETE FROM unit WHERE job_id = ?1",
    [SQL_EDGE_DROP] = "DELETE FROM edge WHERE unit_id IN"
		      " (SELECT id FROM unit WHERE job_id = ?1)",
    [SQL_STEP_DROP] = "DELETE FROM step WHERE unit_id IN"
		      " (SELECT id FROM unit WHERE job_id = ?1)",
    [SQL_REFUSAL_DROP] = "DELETE FROM refusal WHERE unit_id IN"
			 " (SELECT id FROM unit WHERE job_id = ?1)",
    [SQL_UNIT_PASSED] =
	"UPDATE unit SET passed = 1 + (SELECT coalesce(max(o.passed), 0)"
	" FROM unit o WHERE o.key = unit.key AND o.passed IS NOT NULL)"
	" WHERE id = ?1",
    [SQL_UNIT_DISOWN] = "UPDATE unit SET passed = NULL"
			" WHERE slave_id = ?1 AND passed IS NOT NULL",
    /* the first that passed: none of another slave takes its place */
    [SQL_UNIT_EARLIER] =
	"SELECT n.id FROM unit n JOIN slave s ON s.id = n.slave_id"
	" WHERE n.key = ?1 AND n.passed IS NOT NULL AND n.arch = ?2"
	" AND s.state = 'active'"
	" AND NOT EXISTS (SELECT 1" LOST_OF(
	    "n.id", "n.attempt") ")"
				 " ORDER BY n.passed LIMIT 1",
    [SQL_UNIT_KEY] = "SELECT key FROM unit WHERE id = ?1",
    [SQL_UNIT_REUSE] = "UPDATE unit SET reused_id = ?2 WHERE id = ?1",
    [SQL_UNIT_PACK] =
	"SELECT n.pack, n.capsule, t.name FROM unit n"
	" JOIN job j ON j.id = n.job_id JOIN tree t ON t.id = j.tree_id"
	" WHERE n.id = ?1",
    /* no more rows than that are looked at, wherever the job has got to */
    [SQL_UNIT_PACKS] =
	"SELECT pack, capsule FROM (SELECT state, pack, capsule FROM unit"
	" WHERE job_id = ?1 AND id > ?2 ORDER BY id LIMIT 1000) n"
	" WHERE state IN ('blocked', 'ready') LIMIT ?3",
    [SQL_UNIT_COUNTS] = "SELECT state, count(*) FROM unit GROUP BY state",

    [SQL_EDGE_ADD] = "INSERT INTO edge (unit_id, needs_id) VALUES (?1, ?2)",
    [SQL_EDGE_JOB] =
	"SELECT e.unit_id, e.needs_id FROM edge e"
	" JOIN unit n ON n.id = e.unit_id WHERE n.job_id = ?1 ORDER BY 1, 2",
    /* for load.c, as those of units */
    [SQL_EDGE_OPEN] = "SELECT n.job_id, n.id, x.needs_id" OF_OPEN_UNITS(
	"edge") " ORDER BY j.id, n.id, x.needs_id",
    [SQL_EDGE_ONE] = "SELECT n.job_id, n.id, x.needs_id" OF_JOBS_UNITS(
	"edge") " ORDER BY n.id, x.needs_id",

    [SQL_STEP_ADD] =
	"INSERT INTO step (unit_id, step, atom, key) VALUES (?1, ?2, ?3, ?4)",
    [SQL_STEP_LIST] =
	"SELECT s.step, s.atom, r.body FROM step s"
	" JOIN unit n ON n.id = s.unit_id"
	" JOIN unit o ON o.id = coalesce(n.reused_id, n.id)"
	" LEFT JOIN report r ON r.unit_id = o.id AND r.step = s.step"
	" AND r.attempt = o.attempt AND n.state NOT IN ('blocked', 'ready')"
	" WHERE s.unit_id = ?1 ORDER BY s.step",
    [SQL_STEP_OPEN] = "SELECT n.job_id, n.id, x.key" OF_OPEN_UNITS(
	"step") " ORDER BY j.id, n.id, x.step",
    [SQL_STEP_ONE] = "SELECT n.job_id, n.id, x.key" OF_JOBS_UNITS(
	"step") " ORDER BY n.id, x.step",
    [SQL_STEP_COUNT] = "SELECT count(*) FROM step WHERE unit_id = ?1",

    [SQL_STEP_CURRENT] =
	"SELECT s.step FROM step s WHERE s.unit_id = ?1 AND NOT EXISTS"
	" (SELECT 1 FROM report r WHERE r.unit_id = s.unit_id"
	" AND r.attempt = ?2 AND r.step = s.step) ORDER BY s.step LIMIT 1",
    [SQL_STEP_REPORTED] =
	"SELECT r.step FROM step s LEFT JOIN report r"
	" ON r.unit_id = s.unit_id AND r.attempt = ?2 AND r.step = s.step"
	" WHERE s.unit_id = ?1 AND s.step = ?3",

    [SQL_LEASE_ADD] =
	"INSERT INTO lease (unit_id, attempt, slave_id, state, granted, slots)"
	" VALUES (?1, ?2, ?3, 'held', ?4, ?5)",
    [SQL_LEASE_HELD] = "SELECT id, unit_id, slave_id, granted FROM lease"
		       " WHERE state = 'held' ORDER BY id",
    /* CAST: as of SQL_MADE_SET */
    [SQL_LEASE_MOVE] = "UPDATE lease SET granted = granted +"
		       " CAST(?1 AS BIGINT) WHERE state = 'held'",
    [SQL_LEASE_GRANTED] = "UPDATE lease SET granted = ?2 WHERE id = ?1",
    [SQL_LEASE_END] = "UPDATE lease SET state = ?2, ended = ?3, result = ?4,"
		      " reason = ?5 WHERE id = ?1 AND state = 'held'",
    /* of a job that no slave has begun: nothing else names them */
    [SQL_LEASE_DROP] = "DELETE FROM lease WHERE unit_id IN"
		       " (SELECT id FROM unit WHERE job_id = ?1)",
    [SQL_LEASE_GET] = "SELECT unit_id, attempt, slave_id, state, result"
		      " FROM lease WHERE id = ?1",
    /* by hours: who had how much, microseconds of slots */
    [SQL_LEASE_USAGE] =
	"SELECT u.name, max(l.ended), sum(CASE WHEN l.ended > l.granted"
	" THEN (l.ended - l.granted) * l.slots ELSE 0 END)"
	" FROM lease l JOIN unit n ON n.id = l.unit_id"
	" JOIN job j ON j.id = n.job_id JOIN person u ON u.id = j.user_id"
	" WHERE l.ended > ?1 GROUP BY u.name, l.ended / 3600000000",
    [SQL_LEASE_COUNTS] =
	"SELECT state, result, count(*) FROM lease GROUP BY state, result",

    [SQL_REPORT_ADD] =
	"INSERT INTO report (unit_id, attempt, step, body, created)"
	" VALUES (?1, ?2, ?3, ?4, ?5)",
    [SQL_REPORT_GET] = "SELECT body FROM report WHERE unit_id = ?1"
		       " AND attempt = ?2 AND step = ?3",
    [SQL_REPORT_BODIES] =
	"SELECT body FROM report WHERE unit_id = ?1 AND attempt = ?2",
    [SQL_REPORT_COUNT] = "SELECT count(*), coalesce(max(step), -1) + 1"
			 " FROM report WHERE unit_id = ?1 AND attempt = ?2",

    /* CAST: where it is selected nothing else says of which type it is */
    [SQL_MADE_SET] =
	"INSERT INTO made (key, slave_id, unit_id, attempt, step)"
	" SELECT key, CAST(?4 AS BIGINT), unit_id, CAST(?2 AS BIGINT), step"
	" FROM step WHERE unit_id = ?1 AND step = ?3"
	" ON CONFLICT (key, slave_id) DO UPDATE SET"
	" unit_id = excluded.unit_id, attempt = excluded.attempt,"
	" step = excluded.step",
    [SQL_MADE_GET] = "SELECT r.body FROM step s JOIN made m ON m.key = s.key"
		     " JOIN report r ON r.unit_id = m.unit_id"
		     " AND r.attempt = m.attempt AND r.step = m.step"
		     " WHERE s.unit_id = ?1 AND s.step = ?2"
		     " AND m.slave_id = ?3",
    [SQL_MADE_STEPS] = "SELECT s.step FROM step s JOIN made m ON m.key = s.key"
		       " WHERE s.unit_id = ?1 AND m.slave_id = ?2"
		       " AND NOT EXISTS (SELECT 1" LOST_OF(
			   "m.unit_id", "m.attempt") " AND a.step = m.step)",
    [SQL_MADE_FORGET] =
	"DELETE FROM made WHERE unit_id = ?1 AND attempt = ?2 AND key ="
	" (SELECT key FROM step WHERE unit_id = ?1 ORDER BY step DESC LIMIT 1)",
    [SQL_MADE_RETIRE] = "DELETE FROM made WHERE slave_id ="
			" (SELECT id FROM slave WHERE name = ?1)",

    [SQL_KEPT_ADD] = "INSERT INTO kept_log (unit_id, attempt, step, text)"
		     " VALUES (?1, ?2, ?3, ?4)",
    [SQL_KEPT_LIST] = "SELECT id, unit_id, attempt, step, text FROM kept_log"
		      " ORDER BY id",
    [SQL_KEPT_LAST] = "SELECT coalesce(max(id), 0) FROM kept_log",
    /* the last has all of those before */
    [SQL_KEPT_GET] = "SELECT text FROM kept_log WHERE unit_id = ?1"
		     " AND attempt = ?2 AND step = ?3"
		     " ORDER BY id DESC LIMIT 1",
    [SQL_KEPT_DROP] = "DELETE FROM kept_log WHERE id > ?1 AND id < ?2",

    [SQL_ORDER_ADD] = "INSERT INTO job_order (job_id, what, value, created)"
		      " VALUES (?1, ?2, ?3, ?4)",
    [SQL_ORDER_NEXT] = "SELECT id, job_id, what, value FROM job_order"
		       " ORDER BY id LIMIT 1",
    [SQL_ORDER_DROP] = "DELETE FROM job_order WHERE id = ?1",
    [SQL_REFUSAL_SET] =
	"INSERT INTO refusal (unit_id, slave_id, kind, until, reason, lost)"
	" VALUES (?1, ?2, ?3, ?4, ?5,"
	" CASE WHEN CAST(?3 AS TEXT) = 'lost' THEN 1 ELSE 0 END)"
	" ON CONFLICT (unit_id, slave_id, lost)"
	" DO UPDATE SET kind = ?3, until = ?4, reason = ?5",
    [SQL_REFUSAL_FORGET] = "DELETE FROM refusal WHERE slave_id = ?1 AND"
			   " (kind = 'soft' OR (kind = 'hard' AND ?2 <> 0))",
    [SQL_REFUSAL_FORGET_UNIT] = "DELETE FROM refusal WHERE unit_id = ?1",
    [SQL_REFUSAL_OPEN] =
	"SELECT n.job_id, n.id, x.slave_id, x.kind, x.until,"
	" x.reason" OF_OPEN_UNITS("refusal") " ORDER BY j.id, n.id, x.slave_id",
    [SQL_REFUSAL_ONE] =
	"SELECT n.job_id, n.id, x.slave_id, x.kind, x.until,"
	" x.reason" OF_JOBS_UNITS("refusal") " ORDER BY n.id, x.slave_id",

    /* three parts of what was known and one of what was seen */
    [SQL_DURATION_SET] =
	"INSERT INTO duration (root, arch, ms) VALUES (?1, ?2, ?3)"
	" ON CONFLICT (root, arch)"
	" DO UPDATE SET ms = (duration.ms * 3 + excluded.ms) / 4",
    [SQL_DURATION_GET] =
	"SELECT ms FROM duration WHERE root = ?1 AND arch = ?2",

    [SQL_BLOB_ADD] = "INSERT INTO blob (digest, size, created, lease_id)"
		     " VALUES (?1, ?2, ?3, ?4)"
		     " ON CONFLICT (digest) DO UPDATE SET lost = 0",
    [SQL_BLOB_LOST] = "UPDATE blob SET lost = ?2 WHERE digest = ?1",
    [SQL_BLOB_SIZE] = "SELECT size FROM blob WHERE digest = ?1 AND lost = 0",
    [SQL_BLOB_UNNAMED] =
	"SELECT COALESCE(SUM(size), 0) FROM blob WHERE lease_id = ?1",
    [SQL_BLOB_NAMED] = "UPDATE blob SET lease_id = NULL"
		       " WHERE digest = ?1 AND lease_id IS NOT NULL",
    [SQL_BLOB_UNNAME] = "UPDATE blob SET lease_id = ?3 WHERE digest IN"
			" (SELECT digest FROM artifact"
			" WHERE unit_id = ?1 AND attempt = ?2)",
    /* so many at once that nobody waits long for the next turn */
    [SQL_BLOB_LEFT] = "SELECT digest FROM blob"
		      " WHERE lease_id IS NOT NULL AND NOT EXISTS"
		      " (SELECT 1 FROM lease WHERE lease.id = blob.lease_id"
		      " AND lease.state = 'held') LIMIT 256",
    [SQL_BLOB_DROP] = "DELETE FROM blob WHERE digest = ?1 AND NOT EXISTS"
		      " (SELECT 1 FROM artifact"
		      " WHERE artifact.digest = blob.digest)",
    [SQL_ARTIFACT_ADD] =
	"INSERT INTO artifact (unit_id, attempt, step, path, type, digest)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    /* what stands for that of later steps stays */
    [SQL_ARTIFACT_DROP] =
	"DELETE FROM artifact WHERE unit_id = ?1 AND attempt = ?2"
	" AND NOT EXISTS (SELECT 1 FROM step s JOIN made m ON m.key = s.key"
	" WHERE s.unit_id = artifact.unit_id AND s.step = artifact.step"
	" AND m.unit_id = s.unit_id AND m.step = s.step"
	" AND m.attempt = artifact.attempt)",
    [SQL_ARTIFACT_NAMED] = "SELECT b.size FROM artifact a JOIN blob b"
			   " ON b.digest = a.digest WHERE a.digest = ?1"
			   " LIMIT 1",

    /* SQLite's own: another database has other means for a backup */
    [SQL_SNAPSHOT] = "VACUUM INTO ?1",
    [SQL_BLOB_LIST] = "SELECT digest, size, lost FROM blob ORDER BY digest",
    [SQL_STAGE_ALL] = "SELECT digest, size FROM stage ORDER BY digest",
    [SQL_REPORT_ALL] = "SELECT unit_id, attempt, step, body FROM report"
		       " ORDER BY unit_id, attempt, step",
    [SQL_UNIT_ONE] = "SELECT 1 FROM unit WHERE id = ?1",
    /*
     * SQLite's own, another database has sequences: numbers that were given
     * away after a backup don't come again
     */
    [SQL_IDS_JUMP] =
	"UPDATE sqlite_sequence SET seq = seq + ?2 WHERE name = ?1",
    [SQL_IDS_BEGIN] = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
    [SQL_TOKEN_FORGET] = "DELETE FROM token WHERE slave_id IS NULL",
};
