//! The database and Redis.

use super::Setting;

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "DATABASE_URL",
        meaning: "`postgres://user:password@host[:port]/database` in production: several hosts (`h1,h2`), `target_session_attrs`, sockets \
            (`?host=/dir`) as libpq takes them; special characters of a password as `%40` and so on. Or `sqlite://` and the path of a file, \
            which is made. [postgres.md](postgres.md)",
        default: "`sqlite://data/gatehouse.db`",
        example: "postgres://gatehouse:secret@db.example.org/gatehouse",
        wrong: "mysql://db.example.org/gatehouse",
        beside: &[],
        with: &["SESSION_SECRET", "STORE_TIMEOUT"],
    },
    Setting {
        name: "REDIS_URL",
        meaning: "`redis://[user:password@]host[:port][/number]`; `redis-sentinel://[user:password@]host[:port],…[/number]?master=NAME`, also \
            with `&sentinel_user=…&sentinel_password=…`; `redis-cluster://[user:password@]host[:port],…`; each with `rediss` for TLS; \
            `redis+unix:///path?db=…&user=…&pass=…`. A password alone has a colon before it, special characters are written as `%40` and so on. \
            [redis.md](redis.md)",
        default: "unset: sessions live in the database",
        example: "redis://:secret@cache.example.org:6379/0",
        wrong: "cache.example.org:6379",
        beside: &[],
        with: &["STORE_TIMEOUT"],
    },
    Setting {
        name: "STORE_TIMEOUT",
        meaning: "Longest wait for Redis or a database connection before 503. A duration.",
        default: "`250ms`",
        example: "250ms",
        wrong: "1ms",
        beside: &[],
        with: &["DATABASE_URL", "REDIS_URL", "REQUEST_TIMEOUT"],
    },
    Setting {
        name: "MIGRATE_AT_START",
        meaning: "Whether a start runs the migrations that the database lacks. With `off`, `gatehouse migrate` is run apart; until it was, \
            an instance says so in its log and is not ready (503). [upgrade.md](upgrade.md#migrations)",
        default: "`on`",
        example: "on",
        wrong: "no",
        beside: &[],
        with: &["DATABASE_URL"],
    },
];
