//! Tests what systemd is told.

use std::os::unix::net::UnixDatagram;

use tempfile::TempDir;

use crate::support::*;

fn next(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 256];
    let length = socket.recv(&mut bytes).unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

on_both_stacks!(service_manager_hears_when_it_serves_and_when_it_stops, |stack| async {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    let mut program = TestApp::builder(stack).var("NOTIFY_SOCKET", path.display()).start_program();
    assert_eq!(next(&socket).trim_end(), "READY=1");
    program.client().get("/healthz").await.expect(200);
    program.terminate();
    assert_eq!(next(&socket).trim_end(), "STOPPING=1");
});
