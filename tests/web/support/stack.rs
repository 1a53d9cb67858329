//! The combinations of databases that the application runs on, and the macros that make one test of each.

/// Where the application keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// SQLite alone: what a newcomer's `cargo run` uses.
    Sqlite,
    /// Postgres, with the sessions in Redis: production.
    PostgresRedis,
}

/// Where the state of sessions lives, with the database that it goes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
    Redis,
}

impl Backend {
    /// The stack that it goes with.
    pub fn stack(self) -> Stack {
        if self == Self::Sqlite { Stack::Sqlite } else { Stack::PostgresRedis }
    }
}

/// Makes tests of one, each with an argument of its own: what the macros below have in common.
macro_rules! tests_with {
    ($name:ident, |$argument:ident: $kind:ident| async $body:block, $($test:ident: $value:ident),+) => {
        mod $name {
            use super::*;

            async fn body($argument: $crate::support::$kind) $body

            $(
                #[actix_web::test]
                async fn $test() {
                    body($crate::support::$kind::$value).await;
                }
            )+
        }
    };
}
pub(crate) use tests_with;

/// Makes two tests of one, `name::sqlite` and `name::postgres_redis`.
///
/// ```ignore
/// on_both_stacks!(front_page_public, |stack| async {
///     let app = TestApp::start(stack).await;
///     app.client().get("/").await.expect(200);
/// });
/// ```
macro_rules! on_both_stacks {
    ($name:ident, |$stack:ident| async $body:block) => {
        $crate::support::tests_with!($name, |$stack: Stack| async $body, sqlite: Sqlite, postgres_redis: PostgresRedis);
    };
}
pub(crate) use on_both_stacks;

/// Makes three tests of one: sessions in SQLite, in Postgres and in Redis.
macro_rules! on_all_backends {
    ($name:ident, |$backend:ident| async $body:block) => {
        $crate::support::tests_with!(
            $name, |$backend: Backend| async $body, sqlite: Sqlite, postgres: Postgres, redis: Redis
        );
    };
}
pub(crate) use on_all_backends;

/// Makes two tests of one, for what several instances tell each other: through Postgres alone, and through Redis.
macro_rules! on_linked_backends {
    ($name:ident, |$backend:ident| async $body:block) => {
        $crate::support::tests_with!($name, |$backend: Backend| async $body, postgres: Postgres, redis: Redis);
    };
}
pub(crate) use on_linked_backends;
