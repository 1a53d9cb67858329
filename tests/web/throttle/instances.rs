//! Tests that all instances count together, also at the same time and after a restart, and that nothing is left over.

use std::rc::Rc;

use crate::support::{
    concurrent::send_form,
    throttling::{WRONG, guess, start_on, try_sign_in},
    *,
};

on_all_backends!(failures_are_counted_over_instances_and_restarts, |backend| async {
    let mut app = start_on(backend).await;
    let second = app.second_instance().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    assert_eq!(guess(&app.client(), &ada.email, 3).await, [401; 3]);
    assert_eq!(guess(&second.client(), &ada.email, 2).await, [401; 2]);
    for client in [app.client(), second.client()] {
        assert!(try_sign_in(&client, &ada.email, PASSWORD).await.retry_after() >= 1);
    }
    app.set_failures_of("account", 14);
    app.let_waits_pass();
    assert_eq!(guess(&second.client(), &ada.email, 1).await, [401]);
    app.restart().await;
    for client in [app.client(), second.client()] {
        assert!(try_sign_in(&client, &ada.email, PASSWORD).await.retry_after() > 900);
    }
    app.let_waits_pass();
    let _ = ada.sign_in(&app.client()).await;
    // The other instance has heard of it.
    assert_eq!(guess(&second.client(), &ada.email, 5).await, [401; 5]);
});

on_all_backends!(guesses_at_the_same_time_share_the_free_ones, |backend| async {
    let app = start_on(backend).await;
    let second = app.second_instance().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let clients = [Rc::new(app.client()), Rc::new(second.client())];
    let fields = [("email", ada.email.as_str()), ("password", WRONG)];
    let sent: Vec<_> = (0..40).map(|number| send_form(&clients[number % 2], "/login", &fields)).collect();
    let mut statuses = Vec::new();
    for answer in sent {
        statuses.push(answer.await.unwrap().status);
    }
    let tried = statuses.iter().filter(|status| **status == 401).count();
    // Those that wait for others find the first second over, and one more is tried by then.
    assert!((5..=12).contains(&tried), "{statuses:?}");
    // While the machine is busy, a check may wait for too long.
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429 | 503)), "{statuses:?}");
    assert_eq!(app.failures_of("account") as usize, tried);
    // Beyond those that are free, one at a time is let through over all instances.
    app.set_failures_of("account", 50);
    app.let_waits_pass();
    let sent: Vec<_> = (0..10).map(|number| send_form(&clients[number % 2], "/login", &fields)).collect();
    let mut tried = 0;
    for answer in sent {
        tried += usize::from(answer.await.unwrap().status == 401);
    }
    assert_eq!((tried, app.failures_of("account")), (1, 51));
});

on_all_backends!(right_passwords_at_the_same_time_all_sign_in, |backend| async {
    let app = start_on(backend).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let fields = [("email", ada.email.as_str()), ("password", PASSWORD)];
    let sent: Vec<_> = (0..8).map(|_| send_form(&Rc::new(app.client()), "/login", &fields)).collect();
    for answer in sent {
        let answer = answer.await.unwrap();
        // While the machine is busy, a check may wait for too long.
        assert!(matches!(answer.status, 303 | 503), "{}", answer.summary());
    }
    assert_eq!(app.throttle_kinds(), Vec::<String>::new(), "a right password is no failure");
});

on_all_backends!(counts_end, |backend| async {
    let mut app = start_on(backend).await;
    let client = app.client();
    for number in 0..5 {
        let _ = guess(&client, &format!("nobody{number}@example.org"), 1).await;
    }
    let keys = app.throttle_keys();
    assert_eq!(keys.len(), 6, "{keys:?}");
    assert!(!keys.concat().contains("nobody") && !keys.concat().contains("127"), "{keys:?}");
    if backend == Backend::Redis {
        for key in app.redis().keys() {
            assert!((1..=30 * 86_400).contains(&app.redis().ttl(&key)), "{key}");
        }
    } else {
        let email = "ada@example.org";
        assert_eq!(guess(&client, email, 5).await, [401; 5]);
        app.expire_throttle_counts();
        assert_eq!(guess(&client, email, 5).await, [401; 5], "a row that is not deleted yet counts no more");
        app.expire_throttle_counts();
        app.restart().await;
        eventually(|| async { app.throttle_keys().is_empty() }).await;
    }
});
