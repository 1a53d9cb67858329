//! Tests that memory which is needed for a moment goes back to the system.

use crate::support::*;

/// Most MiB that an idle program has of its own.
const IDLE: usize = 16;

#[actix_web::test]
async fn memory_of_the_start_and_of_hashes_is_given_back() {
    let program = TestApp::builder(Stack::Sqlite).start_program();
    eventually(|| async { program.own_memory() < IDLE }).await;
    let of_nobody = [("email", "nobody@example.org"), ("password", "plover quartz nimbus")];
    program.client().post("/login", &of_nobody).await.expect(401);
    eventually(|| async { program.own_memory() < IDLE }).await;
}
