//! Tests that memory which is needed for a moment goes back to the system.

use crate::support::*;

/// Less than the MiB that one hash takes.
const LESS_THAN_A_HASH: usize = 12;

#[actix_web::test]
async fn memory_of_hashes_is_given_back() {
    let program = TestApp::builder(Stack::Sqlite).start_program();
    let idle = program.own_memory();
    let of_nobody = [("email", "nobody@example.org"), ("password", "plover quartz nimbus")];
    program.client().post("/login", &of_nobody).await.expect(401);
    eventually(|| async { program.own_memory() < idle + LESS_THAN_A_HASH }).await;
}
