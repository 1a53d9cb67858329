//! Tests starts that can never succeed: they say why in one line, with the variable, and end.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, path::Path};

use tempfile::TempDir;

use crate::support::{forged_cookies::SECRET, *};

fn vars(database: &str, listen: &str) -> Vars {
    let pairs = [("SESSION_SECRET", SECRET), ("DATABASE_URL", database), ("LISTEN_ADDR", listen)];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// Checks that a command ends with one line that begins with the variable; returns the line.
fn assert_stops(command: &str, vars: &Vars, variable: &str) -> String {
    let message = Program::run(&[command], vars, "").failed();
    let said: Vec<&str> = message.lines().filter(|line| !line.contains(" INFO ")).collect();
    assert_eq!(said.len(), 1, "{message}");
    assert!(said[0].starts_with(&format!("{variable}: ")), "{message}");
    said[0].to_owned()
}

#[test]
fn start_on_a_taken_port_says_so() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let folder = TempDir::new().unwrap();
    let database = format!("sqlite://{}/a.db", folder.path().display());
    let line = assert_stops("serve", &vars(&database, &addr), "LISTEN_ADDR");
    assert!(
        line.contains(&addr)
            && line.contains("is taken by another program; set another, such as LISTEN_ADDR=127.0.0.1:"),
        "{line}"
    );
    assert!(!folder.path().join("a.db").exists(), "nothing was made");
    assert_stops("serve", &vars(&database, "10.255.255.253:3000"), "LISTEN_ADDR");
}

#[test]
fn start_on_a_file_that_cannot_be_the_database_says_so() {
    let folder = TempDir::new().unwrap();
    let notes = folder.path().join("notes.txt");
    fs::write(&notes, "These are notes, and no database at all.\n".repeat(200)).unwrap();
    fs::set_permissions(&notes, fs::Permissions::from_mode(0o644)).unwrap();
    for (path, part) in [
        (notes.clone(), "not a database"),
        (notes.join("a.db"), "can't be made"),
        (Path::new("/proc/gatehouse.db").to_owned(), "can't be made"),
    ] {
        for command in ["serve", "migrate"] {
            let vars = vars(&format!("sqlite://{}", path.display()), "127.0.0.1:0");
            let line = assert_stops(command, &vars, "DATABASE_URL");
            assert!(line.contains(part) && line.contains(&*path.to_string_lossy()), "{line}");
        }
    }
    assert_eq!(fs::read_to_string(&notes).unwrap().lines().count(), 200);
    assert_eq!(mode(&notes), 0o644, "somebody else's file stays as it is");
}

#[test]
fn start_without_a_folder_for_its_data_says_so() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("data"), "a file").unwrap();
    for (vars, data) in [
        (Vars::new(), "data"),
        (vec![("DATABASE_URL".to_owned(), "sqlite:///proc/nowhere/a.db".to_owned())], "/proc/nowhere"),
    ] {
        let said = Program::run_in(folder.path(), &["serve"], &vars, "").failed();
        assert!(said.starts_with("SESSION_SECRET: ") && said.trim().lines().count() == 1, "{said}");
        let advice =
            format!("{data} has to be a folder that this user may write to; DATABASE_URL can name another");
        assert!(said.contains(&advice), "{said}");
    }
}

#[test]
fn start_on_postgres_without_a_schema_or_the_right_to_it_says_so() {
    let database = PostgresDatabase::empty();
    let owner = database.url().to_owned();
    let with = |options: &str| format!("{owner}?options={options}");
    let missing = vars(&with("-csearch_path%3Dnowhere"), "127.0.0.1:0");
    let role = format!("gatehouse_guest_{}", std::process::id());
    database.run(&format!("REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE {role}"));
    let guest = vars(&with(&format!("-crole%3D{role}")), "127.0.0.1:0");
    for command in ["serve", "migrate"] {
        assert!(assert_stops(command, &missing, "DATABASE_URL").contains("search path"));
        assert!(assert_stops(command, &guest, "DATABASE_URL").contains("CREATE"));
    }
    // A role that can't migrate works with what another one has migrated.
    Program::run(&["migrate"], &vars(&owner, "127.0.0.1:0"), "").done();
    database.run(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"));
    let output = Program::run(&["migrate"], &guest, "").done();
    database.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    assert!(output.contains("up to date"), "{output}");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn files_of_sqlite_are_for_the_owner_alone() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let run = |command: &[&str]| Program::run_in(folder.path(), command, &[], "");
    run(&["migrate"]).done();
    let files = || fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(mode(&data), 0o700);
    assert_eq!(files().count(), 2, "database and secret");
    assert!(files().all(|path| mode(&path) == 0o600));
    for path in files() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    run(&["user", "list"]).done();
    assert!(files().all(|path| mode(&path) == 0o600));
}

#[test]
fn folder_of_sqlite_that_exists_is_closed_to_others() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let run = || Program::run_in(folder.path(), &["migrate"], &[], "").done();
    run();
    assert_eq!(mode(&data), 0o700, "a folder that was made beforehand");
    let copy = data.join("gatehouse.db.copy");
    fs::copy(data.join("gatehouse.db"), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    run();
    assert_eq!((mode(&data), mode(&copy)), (0o700, 0o600), "a copy of the database beside it");
    let notes = data.join("notes.txt");
    fs::write(&notes, "somebody else's").unwrap();
    fs::set_permissions(&notes, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    run();
    assert_eq!((mode(&data), mode(&notes)), (0o755, 0o644), "others may need what is not ours");
}

#[actix_web::test]
async fn program_makes_files_for_its_user_alone() {
    let program = TestApp::builder(Stack::Sqlite).start_program();
    // The rights that new files do not get.
    let status = fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("Umask:")).unwrap().trim();
    assert_eq!(mask, "0077");
}

on_both_stacks!(setup_link_names_the_port_that_the_system_chose, |stack| async {
    let app = TestApp::builder(stack).var("LISTEN_ADDR", "127.0.0.1:0").not_set_up().start().await;
    let link = app.printed_setup_link().unwrap();
    assert!(link.starts_with(&format!("http://localhost:{}/setup?token=", app.addr().port())), "{link}");
});

on_both_stacks!(setup_link_names_the_port_of_listen_addr, |stack| async {
    let program = TestApp::builder(stack).not_set_up().start_program();
    let port = program.addr().port();
    eventually(|| async { program.output().contains(&format!("http://localhost:{port}/setup?token=")) })
        .await;
});
