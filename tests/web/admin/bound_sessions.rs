//! Tests what is shown of sessions that are bound to their devices, and the filter that finds them.

use crate::support::{
    device::{self, BoundBrowser, Device, Offer},
    *,
};

const BADGE: &str = "Bound to its device";

async fn listed(admin: &Client, query: &str) -> Vec<String> {
    let mut emails = admin.get(&format!("/admin/sessions?{query}")).await.expect(200).texts("table .email");
    emails.sort();
    emails
}

/// The texts of the badges in the rows of a list.
fn badges(page: &Answer) -> usize {
    page.texts(".tag").iter().filter(|text| *text == BADGE).count()
}

on_both_stacks!(bound_sessions_are_marked_and_found, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, admin) = app.admin("Root").await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    app.person("Bo").await;
    for (query, expected) in [
        ("bound=yes", vec!["ada.lovelace@example.org"]),
        ("bound=no", vec!["bo@example.org", "root@example.org"]),
        ("bound=yes&sort=started", vec!["ada.lovelace@example.org"]),
        ("bound=yes&role=admin", vec![]),
        ("bound=yes&q=ada", vec!["ada.lovelace@example.org"]),
        ("bound=no&q=ada", vec![]),
        ("bound=no&state=ended", vec![]),
    ] {
        assert_eq!(listed(&admin, query).await, expected, "{query}");
    }
    let page = admin.get("/admin/sessions").await.expect(200);
    assert_eq!(badges(&page), 1);
    let page = admin.get("/admin/sessions?bound=perhaps").await.expect(422);
    assert_eq!(page.field_error("bound").as_deref(), Some("Choose yes or no."));

    let page = browser.client.get("/sessions").await.expect(200);
    assert_eq!(badges(&page), 1);
    let other = app.client();
    ada.sign_in(&other).await;
    assert_eq!(badges(&other.get("/sessions").await.expect(200)), 1);
    browser.client.post("/logout", &[]).await.to("/");
    assert_eq!(listed(&admin, "bound=yes&state=ended").await, ["ada.lovelace@example.org"]);
    assert_eq!(listed(&admin, "bound=no&state=ended").await, Vec::<String>::new());
});

on_both_stacks!(page_of_bound_session_says_when_its_key_was_proven, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, admin) = app.admin("Root").await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    browser.renew().await;
    let path = format!("/admin/sessions/{}", browser.id);
    let page = admin.get(&path).await.expect(200).has("Key made").has("last proven");
    assert_page(&page);
    assert_eq!(badges(&page), 1);
    let own = own_session_id(&admin).await;
    let page = admin.get(&format!("/admin/sessions/{own}")).await.expect(200);
    page.has("No, whoever has its cookie can use it").lacks("Key made");
    browser.client.post("/logout", &[]).await.to("/");
    admin.get(&path).await.expect(200).has("Key made");
});

on_both_stacks!(page_of_session_whose_key_was_never_used_says_that_it_is_not_bound, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, admin) = app.admin("Root").await;
    let client = app.client();
    let offer = Offer::of(&Person::new("Ada Lovelace").register(&client).await).unwrap();
    device::register(&client, &Device::new().registration(&offer)).await.expect(200);
    let id = own_session_id(&client).await;
    let page = admin.get(&format!("/admin/sessions/{id}")).await.expect(200);
    assert_eq!(badges(&page), 0);
    page.has("No, whoever has its cookie can use it").lacks("Key made");
});

on_both_stacks!(sessions_that_are_not_bound_end_together, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, admin) = app.admin("Root").await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let (_, unbound) = app.person("Bo").await;
    let fields = [("bound", "no"), ("reason", "Use a browser that can")];
    let preview = admin.post("/admin/sessions/end", &fields).await.expect(200);
    let form = preview.has("1 session").form("/admin/sessions/end");
    admin.post("/admin/sessions/end", &form.with(&[])).await.expect(303);
    eventually(|| async { !signed_in(&unbound).await }).await;
    browser.client.get("/profile").await.expect(200);
});

on_both_stacks!(calls_and_commands_tell_bound_sessions, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    ada.sign_in(&app.client()).await;
    let sessions = browser.client.get("/auth/sessions").await.expect(200).json();
    let bound = |id: &str| {
        let sessions = sessions["sessions"].as_array().unwrap();
        sessions.iter().find(|session| session["id"] == id).unwrap()["bound"].clone()
    };
    assert_eq!(bound(&browser.id), true);
    assert_eq!(
        sessions["sessions"].as_array().unwrap().iter().filter(|one| one["bound"] == false).count(),
        1
    );
    let list = ["sessions", "list", "--bound", "yes", "--json"];
    let listed = Program::run(&list, &app.command_vars(), "").done();
    assert!(listed.contains(&browser.id) && listed.lines().count() == 1, "{listed}");
});

on_both_stacks!(administration_needs_bound_session_where_that_is_required, |stack| async {
    let app = device::builder(stack).var("SESSION_BINDING_ADMIN", "required").start().await;
    let (root, admin) = app.admin("Root").await;
    for path in ["/admin", "/admin/sessions?state=ended", "/admin/users"] {
        let page = admin.get(path).await.expect(403).has("bound to its device").has("Chrome 145");
        assert_page(&page);
        assert!(page.attributes("main a", "href").contains(&path.to_owned()), "{}", page.summary());
    }
    let page = admin.post("/admin/sessions/end", &[("reason", "x")]).await.expect(403);
    page.has("bound to its device").lacks("Try again");
    admin.get("/profile").await.expect(200);
    admin.get("/sessions").await.expect(200);

    let client = app.client();
    let signed_in = root.sign_in(&client).await;
    client.get("/admin/sessions").await.expect(403);
    let browser = BoundBrowser::of(&app, client, &signed_in).await;
    browser.client.get("/admin/sessions").await.expect(200);
    let (_, other) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    other.client.get("/admin/sessions").await.expect(403).has("Only administrators");
});
