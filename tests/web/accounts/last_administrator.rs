//! Tests that there is always an administrator who can sign in, also when two are removed concurrently.

use crate::support::*;

on_both_stacks!(last_admin_cannot_be_removed, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.admin("Ada Lovelace").await;
    let path = app.admin_path(&grace);
    // A deactivated administrator does not count.
    app.set_active(&ada, false);
    let delete = [("current_password", PASSWORD)];
    for (action, fields) in [("role", vec![("role", "user")]), ("deactivate", vec![])] {
        let page = admin.post(&format!("{path}/{action}"), &fields).await.expect(422);
        assert_page(&page);
        let _ = page.has("the only active administrator");
    }
    let _ = admin.post("/profile/delete", &delete).await.expect(422).has("the only administrator");
    assert_eq!(app.administrators(), [&*grace.email]);
    let _ = admin.get("/admin/users").await.expect(200);

    // An invited administrator without a password does not count either.
    let invited = [("name", "Eve"), ("email", "eve@example.org"), ("role", "admin")];
    let _ = admin.post("/admin/users", &invited).await.expect(201);
    let _ = admin.post(&format!("{path}/deactivate"), &[]).await.expect(422);
    app.demote("eve@example.org");

    app.set_active(&ada, true);
    let _ = admin.post(&format!("{path}/role"), &[("role", "user")]).await.to("/profile");
    assert_eq!(app.administrators(), [&*ada.email]);
});

on_both_stacks!(last_admin_race_leaves_one_admin, |stack| async {
    let app = TestApp::start(stack).await;
    let (grace, first) = app.admin("Grace Hopper").await;
    let (ada, second) = app.admin("Ada Lovelace").await;
    let paths = [app.admin_path(&ada), app.admin_path(&grace)];
    for action in ["role", "deactivate", "delete"] {
        for _ in 0..4 {
            let fields: &[_] = if action == "role" { &[("role", "user")] } else { &[] };
            let (one, two) = if action == "delete" {
                // When both delete their own account, one is refused as well.
                let fields = [("current_password", PASSWORD)];
                let both = tokio::join!(
                    first.post("/profile/delete", &fields),
                    second.post("/profile/delete", &fields)
                );
                assert_eq!(app.administrators().len(), 1);
                both
            } else {
                let (one, two) = paths.each_ref().map(|path| format!("{path}/{action}")).into();
                tokio::join!(first.post(&one, fields), second.post(&two, fields))
            };
            assert_eq!(app.administrators().len(), 1, "{}\n{}", one.summary(), two.summary());
            for answer in [&one, &two] {
                // The second request comes from an administrator already removed, or is refused.
                assert!(matches!(answer.status, 303 | 401 | 403 | 422), "{}", answer.summary());
            }
            if action == "delete" {
                return;
            }
            for person in [&grace, &ada] {
                app.make_admin(person);
                app.set_active(person, true);
            }
            for (person, client) in [(&grace, &first), (&ada, &second)] {
                let _ = person.sign_in(client).await;
            }
        }
    }
});
