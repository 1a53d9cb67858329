//! Tests which passwords are accepted, and how they are stored.

use std::{
    fs,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use sha1::{Digest as _, Sha1};

use crate::support::{operations, *};

/// Returns a strong password of `length` code points, built from varied words and numbers.
fn password_of_length(length: usize) -> String {
    let words = [
        "violet", "anchor", "maple", "copper", "lantern", "orchid", "harbor", "zephyr", "quartz", "ümlaut",
        "日本", "😀",
    ];
    let mut text = String::new();
    for round in 0.. {
        for (index, word) in words.iter().enumerate() {
            text.push_str(word);
            text.push_str(&(round * 31 + index * 7).to_string());
            if text.chars().count() >= length {
                return text.chars().take(length).collect();
            }
        }
    }
    unreachable!()
}

async fn register(app: &TestApp, email: &str, password: &str) -> Answer {
    let fields = [
        ("name", "Ada Lovelace"),
        ("email", email),
        ("password", password),
        ("password_confirmation", password),
    ];
    app.client().post("/register", &fields).await
}

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.client().post("/login", &[("email", email), ("password", password)]).await
}

on_both_stacks!(password_length_8_to_128_code_points, |stack| async {
    let app = TestApp::start(stack).await;
    for length in [64, 100, 127, 128] {
        let (email, password) = (format!("u{length}@example.org"), password_of_length(length));
        register(&app, &email, &password).await.to("/profile");
        sign_in(&app, &email, &password).await.to("/profile");
    }
    // Eight code points, some of four bytes.
    register(&app, "u8@example.org", "q😀Z7é%ßk").await.to("/profile");
    for (password, part) in [
        ("q😀Z7é%ß".to_owned(), "at least 8 characters; this has 7"),
        (password_of_length(129), "at most 128 characters; this has 129"),
    ] {
        let page = register(&app, "no@example.org", &password).await.expect(422);
        assert!(page.field_error("password").unwrap().contains(part), "{}", page.summary());
    }
    assert_eq!(app.user_count(), 5);
});

on_both_stacks!(password_min_length_follows_setting, |stack| async {
    let app = TestApp::builder(stack).var("PASSWORD_MIN_LENGTH", "15").start().await;
    let page = app.client().get("/register").await.has("At least 15 characters");
    assert_page(&page);
    let page = register(&app, "ada@example.org", "q7Z-kx%9vB#w2p").await.expect(422);
    assert!(page.field_error("password").unwrap().contains("at least 15"));
    register(&app, "ada@example.org", "q7Z-kx%9vB#w2pL").await.to("/profile");
});

on_both_stacks!(password_is_not_cut_trimmed_or_case_folded, |stack| async {
    let app = TestApp::start(stack).await;
    let password = format!(" {}Y ", password_of_length(97));
    assert_eq!(password.chars().count(), 100);
    register(&app, "ada@example.org", &password).await.to("/profile");
    let last_changed = format!("{}z", &password[..password.len() - 1]);
    for wrong in [
        last_changed.as_str(),
        password.trim(),
        &password.to_lowercase(),
        &password.to_uppercase(),
        &format!("{password} "),
        &password[..80],
        // Equal in the 72 bytes that bcrypt looks at.
        &format!("{}{}", &password[..73], "x".repeat(password.len() - 73)),
    ] {
        sign_in(&app, "ada@example.org", wrong).await.expect(401);
    }
    sign_in(&app, "ada@example.org", &password).await.to("/profile");
});

on_both_stacks!(password_of_one_megabyte_413_quickly, |stack| async {
    let app = TestApp::start(stack).await;
    let huge = "x".repeat(1_000_000);
    for path in ["/register", "/login"] {
        let began = Instant::now();
        let fields = [
            ("name", "Ada"),
            ("email", "ada@example.org"),
            ("password", &huge),
            ("password_confirmation", &huge),
        ];
        app.client().post(path, &fields).await.expect(413);
        assert!(began.elapsed() < Duration::from_secs(5), "{path} took {:?}", began.elapsed());
    }
    // A password that fits into a form is refused by its length before it is estimated or hashed.
    let page = register(&app, "ada@example.org", &"x1".repeat(15_000)).await.expect(422);
    assert!(page.field_error("password").unwrap().contains("this has 30000"));
    sign_in(&app, "ada@example.org", &"x".repeat(60_000)).await.expect(401);
});

on_both_stacks!(password_weak_422_with_reason, |stack| async {
    let app = TestApp::start(stack).await;
    for (password, part) in [
        ("password1", "common"),
        ("12345678", "common"),
        ("qwertyuiop", ""),
        ("aaaaaaaaaaaa", ""),
        ("AdaLovelace", "lovelace"),
        ("Ada Lovelace", "ada lovelace"),
        ("countess@analytical.example", "countess@analytical.example"),
        ("Gatehouse", "gatehouse"),
        ("lovelace1815", "lovelace"),
        ("Countess99", "countess"),
        ("gatehouse2026", "gatehouse"),
        ("analytical!", "analytical"),
    ] {
        let page = register(&app, "countess@analytical.example", password).await.expect(422);
        let reason = page.field_error("password").unwrap_or_else(|| panic!("{password}: {}", page.summary()));
        assert!(reason.to_lowercase().contains(part) && reason.len() > 20, "{password}: {reason}");
        assert!(!page.body.contains(password) || part == password.to_lowercase(), "{password} was sent back");
    }
    assert_eq!(app.user_count(), 0);
    // No rule requires certain characters.
    register(&app, "countess@analytical.example", "correct horse battery staple").await.to("/profile");
});

on_both_stacks!(password_weak_refused_wherever_one_is_chosen, |stack| async {
    let app = operations::builder(stack).not_set_up().start().await;
    let (_, token) = app.setup_link().unwrap().split_once("token=").unwrap();
    let weak = [("password1", "common"), ("AdaLovelace", "lovelace"), ("Gatehouse1", "gatehouse")];
    let (visitor, ada) = (app.client(), Person::new("Ada Lovelace"));
    for (password, part) in weak {
        let new = [("password", password), ("password_confirmation", password)];
        let account = [("name", "Ada Lovelace"), ("email", "ada.lovelace@example.org"), ("token", token)];
        assert_refused(&visitor.post("/setup", &[&account[..], &new].concat()).await, part);
    }
    assert_eq!(app.user_count(), 0);
    let _ = ada.set_up(&visitor, app.setup_link().unwrap()).await;
    let id = app.user_id(&ada);
    let link = operations::run(&visitor, "operator/issue-link", &[("id", &id)]).await;
    let hash = app.password_hash_of(&ada);
    for (password, part) in weak {
        let new = [("password", password), ("password_confirmation", password)];
        let change = [&[("current_password", PASSWORD)][..], &new].concat();
        assert_refused(&visitor.post("/profile/password", &change).await, part);
        let reset = [&[("token", link.as_str())][..], &new].concat();
        assert_refused(&app.client().post("/password/reset", &reset).await, part);
        let create =
            ["user", "create", "--email", "ada@example.org", "--name", "Ada Lovelace", "--password-stdin"];
        let set = ["user", "reset-password", &ada.email, "--password-stdin"];
        for arguments in [&create[..], &set] {
            let message = Program::run(arguments, &app.command_vars(), password).failed();
            let is_reason = message.starts_with("the password: ") && message.to_lowercase().contains(part);
            assert!(is_reason && message.lines().count() == 1, "{message}");
        }
    }
    assert_eq!((app.user_count(), app.password_hash_of(&ada)), (1, hash), "nothing was changed");
    // The link is still good.
    let strong = "copper-lantern-17-orchid";
    let fields = [("token", link.as_str()), ("password", strong), ("password_confirmation", strong)];
    let _ = app.client().post("/password/reset", &fields).await.to("/login");
});

/// Asserts that a form was refused for its password, with a reason that has this part.
fn assert_refused(page: &Answer, part: &str) {
    assert_eq!(page.status, 422, "{}", page.summary());
    let reason = page.field_error("password").unwrap_or_else(|| panic!("{}", page.summary()));
    assert!(reason.to_lowercase().contains(part), "{reason}");
}

/// A list as "Pwned Passwords" has it, with these passwords among others.
fn breached(passwords: &[&str]) -> String {
    let others = (0..1_000).map(|number| format!("other {number}"));
    let all = others.chain(passwords.iter().map(ToString::to_string));
    let mut lines: Vec<String> = all.map(|password| hex::encode_upper(Sha1::digest(password))).collect();
    lines.sort();
    lines.iter().map(|hash| format!("{hash}:3\r\n")).collect()
}

on_both_stacks!(password_known_from_breach_422, |stack| async {
    let folder = tempfile::tempdir().unwrap();
    let (file, newer) = (folder.path().join("list"), folder.path().join("newer"));
    let (first, second) = ("copper-lantern-17-orchid", "harbor-quartz-58-zephyr");
    fs::write(&file, breached(&[first])).unwrap();
    let app = TestApp::builder(stack).var("BREACHED_PASSWORDS", file.display()).start().await;
    assert_refused(&register(&app, "ada@example.org", first).await, "breach");
    let _ = register(&app, "ada@example.org", second).await.to("/profile");
    let output = Program::run(&["check-config"], &app.command_vars(), "").done();
    assert!(output.contains("fine"), "{output}");
    // A newer list counts at once.
    fs::write(&newer, breached(&[first, second])).unwrap();
    fs::rename(&newer, &file).unwrap();
    assert_refused(&register(&app, "bob@example.org", second).await, "breach");
    // A list that is gone or broken lets nothing pass until it is back.
    fs::write(&newer, breached(&[first])).unwrap();
    fs::remove_file(&file).unwrap();
    for broken in [None, Some(PASSWORD)] {
        if let Some(text) = broken {
            fs::write(&file, text).unwrap();
        }
        let page = register(&app, "bob@example.org", PASSWORD).await.expect(503);
        assert_eq!(page.header("retry-after"), Some("1"));
        assert!(!page.body.contains("No such file") && !page.body.contains("SHA-1"), "{}", page.body);
        assert_page(&page);
    }
    assert_eq!(app.user_count(), 1);
    fs::rename(&newer, &file).unwrap();
    let _ = register(&app, "bob@example.org", PASSWORD).await.to("/profile");
});

on_both_stacks!(password_fields_have_autocomplete_and_allow_paste, |stack| async {
    let app = TestApp::builder(stack).not_set_up().start().await;
    let link = app.setup_link().unwrap().to_owned();
    let setup = app.client().get(&link).await.expect(200);
    app.suppose_set_up().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let pages = [
        (app.client().get("/login").await, vec!["current-password"], Some("username webauthn")),
        (app.client().get("/register").await, vec!["new-password"; 2], Some("username")),
        (setup, vec!["new-password"; 2], Some("username")),
        (
            client.get("/profile").await,
            vec!["current-password", "new-password", "new-password", "current-password", "current-password"],
            Some("email"),
        ),
    ];
    for (page, expected, email) in pages {
        assert_eq!(page.attributes("input[type=password]", "autocomplete"), expected, "{}", page.summary());
        assert_eq!(page.attributes("[name*=password]", "type"), vec!["password"; expected.len()]);
        assert_eq!(page.attributes("[onpaste], [maxlength]", "name"), Vec::<String>::new(), "pasting works");
        let email_is = page.attributes("[name=email]", "autocomplete").into_iter().next();
        assert_eq!(email_is.as_deref(), email);
    }
});

on_both_stacks!(password_stored_as_salted_argon2id, |stack| async {
    let app = TestApp::start(stack).await;
    for email in ["ada@example.org", "bob@example.org"] {
        register(&app, email, PASSWORD).await.to("/profile");
    }
    let hashes = app.password_hashes();
    for hash in &hashes {
        let parts: Vec<&str> = hash.split('$').collect();
        let [_, algorithm, version, params, salt, output] = parts[..] else { panic!("{hash}") };
        assert_eq!((algorithm, version, params), ("argon2id", "v=19", "m=19456,t=2,p=1"));
        assert!(salt.len() >= 22 && output.len() >= 43, "{hash}");
    }
    assert_ne!(hashes[0], hashes[1], "equal passwords have different hashes");
});

on_both_stacks!(password_weak_hash_upgraded_at_login, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap());
    let weak = weak.hash_password(PASSWORD.as_bytes()).unwrap().to_string();
    app.set_password_hash(&ada, &weak);
    let hash = || app.password_hash_of(&ada);
    sign_in(&app, &ada.email, "wrong-anchor-93-maple").await.expect(401);
    assert_eq!(hash(), weak, "a wrong password changes nothing");
    ada.sign_in(&app.client()).await;
    let strong = hash();
    assert!(strong.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{strong}");
    let client = app.client();
    ada.sign_in(&client).await;
    assert_eq!(hash(), strong, "the hash is upgraded only once");
    client.get("/profile").await.expect(200);
});

/// A password as two keyboards write it: composed with a plain space, and decomposed with a no-break space.
const COMPOSED: &str = "h\u{f6}lle anchor-93-maple";
const DECOMPOSED: &str = "ho\u{308}lle\u{a0}anchor-93-maple";

on_both_stacks!(password_in_another_composition_signs_in, |stack| async {
    let app = TestApp::start(stack).await;
    for (email, registered, typed) in
        [("a@example.org", COMPOSED, DECOMPOSED), ("b@example.org", DECOMPOSED, COMPOSED)]
    {
        let _ = register(&app, email, registered).await.to("/profile");
        for password in [typed, registered] {
            let _ = sign_in(&app, email, password).await.to("/profile");
        }
        let _ = sign_in(&app, email, "holle anchor-93-maple").await.expect(401);
    }
    let fields = [
        ("name", "Ada Lovelace"),
        ("email", "c@example.org"),
        ("password", COMPOSED),
        ("password_confirmation", DECOMPOSED),
    ];
    let _ = app.client().post("/register", &fields).await.to("/profile");
    // Seven characters, which are eight as typed.
    let short = register(&app, "d@example.org", "o\u{308}q7-kz%").await.expect(422);
    assert!(short.field_error("password").unwrap().contains("this has 7"));
});

on_both_stacks!(password_hash_of_raw_value_still_signs_in, |stack| async {
    let app = TestApp::start(stack).await;
    let _ = register(&app, "a@example.org", COMPOSED).await.to("/profile");
    let raw = Argon2::default().hash_password(DECOMPOSED.as_bytes()).unwrap().to_string();
    app.set_password_hash("a@example.org", &raw);
    let _ = sign_in(&app, "a@example.org", COMPOSED).await.expect(401);
    let _ = sign_in(&app, "a@example.org", DECOMPOSED).await.to("/profile");
    assert_ne!(app.password_hash_of("a@example.org"), raw);
    let _ = sign_in(&app, "a@example.org", COMPOSED).await.to("/profile");
});
