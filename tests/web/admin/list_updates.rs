//! Tests what an open page of `/admin/sessions` fetches to stay current: the rows that it does not have.

use reqwest::Method;

use crate::support::*;

const LIST: &str = "/admin/sessions";

/// The versions of the rows that an answer shows or names, in their order.
fn versions(page: &Answer) -> Vec<String> {
    page.attributes("table tr[data-v]", "data-v")
}

/// The rows that an answer shows.
fn shown(page: &Answer) -> Vec<String> {
    page.attributes("table tr[id]", "id")
}

/// Asks as an open page with these rows does.
async fn update(admin: &Client, path: &str, rows: &[String]) -> Answer {
    let request = admin.request(Method::GET, path).header("x-background", "1");
    request.header("x-rows", &rows.join(",")).send().await
}

on_both_stacks!(open_list_fetches_only_rows_that_changed, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for _ in 0..60 {
        ada.sign_in(&app.client()).await;
    }
    let page = admin.get(LIST).await.expect(200);
    let mut rows = versions(&page);
    assert_eq!(rows.len(), 50);
    let mut bytes = 0;
    for _ in 0..15 {
        let newcomer = app.client();
        ada.sign_in(&newcomer).await;
        let answer = update(&admin, LIST, &rows).await.expect(200);
        let new = format!("session-{}", own_session_id(&newcomer).await);
        assert!(shown(&answer).contains(&new), "{}", answer.summary());
        bytes += answer.body.len();
        rows = versions(&answer);
    }
    assert!(bytes < 100 * 1024, "{bytes}");
    // The rows are those of the page, in its order. The time of the administrator's own is that of the request, to the minute.
    eventually(|| async {
        let answer = update(&admin, LIST, &rows).await;
        versions(&answer) == versions(&admin.get(LIST).await)
    })
    .await;
});

on_both_stacks!(list_update_names_order_count_and_alike, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, first) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let path = "/admin/sessions?role=user";
    let nothing = update(&admin, "/admin/sessions?q=nobody", &[]).await.expect(200);
    assert_eq!(nothing.texts(".empty h2"), ["No active session fits"]);
    let page = update(&admin, path, &[]).await.expect(200).has("1 active session found");
    assert_eq!((shown(&page).len(), page.texts("thead, header, script").len()), (1, 1));
    assert_eq!(page.attributes(".summary", "class"), ["summary alone"]);
    assert_eq!(page.attributes("body", "data-session"), [own_session_id(&admin).await]);

    // Both look alike now, so both rows have another link; after that only its number changes.
    ada.sign_in(&app.client()).await;
    let page = update(&admin, path, &versions(&page)).await.expect(200);
    assert_eq!(page.texts("thead"), Vec::<String>::new());
    assert_eq!((shown(&page).len(), page.texts("[data-alike]")), (2, vec!["2".to_owned(); 2]));
    ada.sign_in(&app.client()).await;
    let page = update(&admin, path, &versions(&page)).await.expect(200);
    assert_eq!((shown(&page).len(), versions(&page).len()), (1, 3));
    assert_eq!(page.attributes("tr[data-alike]", "data-alike"), ["3", "3"]);
    let page = update(&admin, path, &versions(&page)).await.expect(200);
    assert_eq!((shown(&page).len(), page.attributes(".summary", "class")), (0, vec!["summary".to_owned()]));

    first.post("/logout", &[]).await.to("/");
    let left = update(&admin, path, &versions(&page)).await.expect(200).has("2 active sessions found");
    assert_eq!(versions(&left).len(), 2);
    // What is no version is no row that the page has.
    let odd = ["nonsense".to_owned(), "0".repeat(13), String::new()];
    assert_eq!(shown(&update(&admin, path, &odd).await.expect(200)).len(), 2);
    update(&admin, "/admin/sessions?ip=x", &[]).await.expect(422);
});
