//! Restores a backup as `docs/backup.md` says, by its commands.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::support::*;

/// The commands of the page, in its order.
fn commands() -> Vec<String> {
    let page = fs::read_to_string("docs/backup.md").unwrap();
    page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

fn run(folder: &Path, command: &str, database_url: &str) {
    let path = format!("{}:{}", std::env::var("TEST_POSTGRES_BIN").unwrap(), std::env::var("PATH").unwrap());
    let done = Command::new("bash")
        .args(["-ec", command])
        .env("PATH", path)
        .env("DATABASE_URL", database_url)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The people of a site, and their browsers.
struct People {
    stays: Client,
    /// Signs out after the backup; this is a copy of the cookie.
    leaves: Client,
    later: Person,
}

impl People {
    async fn register(program: &Program) -> Self {
        let [stays, leaves, later] = [(); 3].map(|()| program.client());
        let people = ["Ada Lovelace", "Grace Hopper", "Mary Shelley"].map(Person::new);
        for (person, client) in people.iter().zip([&stays, &leaves, &later]) {
            person.register(client).await.to("/profile");
        }
        let [_, _, person] = people;
        Self { stays, leaves, later: person }
    }

    /// What happens between the backup and its restore. Returns the browser of who signs in.
    async fn go_on(&self, program: &Program) -> Client {
        self.leaves.copy().post("/logout", &[]).await.expect(303);
        self.leaves.get("/profile").await.expect(303);
        let client = program.client();
        self.later.sign_in(&client).await.to("/profile");
        client
    }
}

#[actix_web::test]
async fn restored_postgres_signs_in_nobody_who_had_left() {
    let [dump, restore, ..] = &commands()[..] else { panic!("docs/backup.md has too few commands") };
    let mut program = TestApp::builder(Stack::PostgresRedis).start_program();
    let people = People::register(&program).await;
    let folder = TempDir::new().unwrap();
    let url = program.stores().vars().into_iter().find(|(name, _)| name == "DATABASE_URL").unwrap().1;
    run(folder.path(), dump, &url);
    let later = people.go_on(&program).await;

    program.terminate();
    run(folder.path(), restore, &url);
    program.restart();
    people.stays.get("/profile").await.expect(200);
    people.leaves.get("/profile").await.expect(303);
    later.get("/profile").await.expect(303);
    people.later.sign_in(&program.client()).await.to("/profile");
}

#[actix_web::test]
async fn restored_sqlite_signs_in_nobody_after_all_sessions_were_ended() {
    let folder = TempDir::new().unwrap();
    let database = &folder.path().join("gatehouse.db");
    let url = format!("sqlite://{}", database.display());
    let mut program = TestApp::builder(Stack::Sqlite).var("DATABASE_URL", url).not_set_up().start_program();
    let admin = ["user", "create", "--email", "admin@example.org", "--name", "Admin", "--role", "admin"];
    program.command(&[&admin[..], &["--password-stdin"]].concat(), PASSWORD).done();
    let people = People::register(&program).await;
    program.terminate();
    let backup = database.with_extension("backup");
    fs::copy(database, &backup).unwrap();
    program.restart();
    let later = people.go_on(&program).await;

    program.terminate();
    fs::copy(&backup, database).unwrap();
    let end = ["sessions", "end", "--all", "--reason", "The site was restored from a backup", "--yes"];
    program.command(&end, "").done();
    program.restart();
    for client in [&people.stays, &people.leaves, &later] {
        client.get("/profile").await.expect(303);
    }
    people.later.sign_in(&program.client()).await.to("/profile");
}
