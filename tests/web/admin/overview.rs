//! Tests `/admin`, the overview with current numbers and charts, and the samples that the charts read.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime, PrimitiveDateTime, Time, macros::format_description};

use crate::support::*;

/// The table below a chart: the values of each row by its name.
fn table(page: &Answer, chart: &str) -> BTreeMap<String, Vec<String>> {
    let heads = page.texts(&format!("#{chart}-table tbody th"));
    let cells = page.texts(&format!("#{chart}-table tbody td"));
    let width = cells.len() / heads.len().max(1);
    heads.into_iter().zip(cells.chunks(width.max(1)).map(<[String]>::to_vec)).collect()
}

/// The name and the first value of each row.
fn counts(page: &Answer, chart: &str) -> Vec<(String, String)> {
    table(page, chart).into_iter().map(|(name, values)| (name, values[0].clone())).collect()
}

fn name_counts(counts: &[(&str, &str)]) -> Vec<(String, String)> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), (*count).to_owned())).collect()
}

/// The numbers of active sessions, users, administrators, sign-ins and failed sign-ins, in this order.
fn statistics(page: &Answer) -> Vec<String> {
    page.texts(".figures dd")
}

/// A chart's text alternative for screen readers.
fn summary(page: &Answer, chart: &str) -> String {
    page.texts(&format!("svg[role=img] #{chart}-summary")).remove(0)
}

/// The start of the hour `ago` hours before now, in UTC.
fn hour(ago: i64) -> PrimitiveDateTime {
    let at = OffsetDateTime::now_utc() - Duration::hours(ago);
    PrimitiveDateTime::new(at.date(), Time::from_hms(at.hour(), 0, 0).unwrap())
}

on_both_stacks!(overview_numbers_match_activity, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let curl = app.client().user_agent("curl/8.14.1");
    ada.sign_in(&curl).await;
    let odd = app.client().user_agent("<script>alert(1)</script>");
    let odd_one = Person::new("Odd One");
    odd_one.register(&odd).await;
    for (email, times) in [(&*ada.email, 2), ("nobody@example.org", 1)] {
        for _ in 0..times {
            app.client().post("/login", &[("email", email), ("password", "wrong")]).await.expect(401);
        }
    }
    let page = admin.get("/admin").await.expect(200);
    assert_page(&page);
    assert_eq!(statistics(&page), ["4", "3", "1", "4", "3", "0"]);
    assert_eq!(page.texts("[data-live-count]"), ["4"]);
    assert_eq!(counts(&page, "browsers"), name_counts(&[("Firefox", "2"), ("Unknown", "1"), ("curl", "1")]));
    assert_eq!(counts(&page, "systems"), name_counts(&[("Linux", "2"), ("Unknown", "2")]));
    assert_eq!(counts(&page, "kinds"), name_counts(&[("Computer", "2"), ("Script", "2")]));
    assert_eq!(counts(&page, "methods"), name_counts(&[("Password", "4")]));
    assert_eq!(page.texts("#ends-table"), Vec::<String>::new());
    let page = page.has("No session has ended");
    let sums = |page: &Answer| {
        table(page, "sign-ins").values().fold((0, 0), |(sign_ins, failed), line| {
            (sign_ins + line[0].parse::<i64>().unwrap(), failed + line[1].parse::<i64>().unwrap())
        })
    };
    assert_eq!((sums(&page), table(&page, "sign-ins").len()), ((4, 3), 24));

    odd.post("/logout", &[]).await.to("/");
    admin.post(&format!("/admin/sessions/{}/end", app.session_of(&ada)), &[]).await.to("/admin/sessions");
    admin.post(&format!("/admin/sessions/{}/end", app.session_of(&ada)), &[]).await.to("/admin/sessions");
    app.backdate_unknown_sign_ins();
    let page = admin.get("/admin?range=30d").await.expect(200);
    assert_page(&page);
    assert_eq!(statistics(&page), ["1", "1", "1", "4", "2", "0"]);
    let ends = name_counts(&[("Ended by an administrator", "2"), ("Signed out", "1")]);
    assert_eq!(counts(&page, "ends"), ends);
    assert_eq!(summary(&page, "ends"), "Ended by an administrator 2, Signed out 1.");
    assert_eq!((sums(&page), table(&page, "sign-ins").len()), ((4, 2), 30));
    app.set_session_time(&app.newest_session_of(&odd_one), SessionTime::Ended, "2020-01-01 00:00:00");
    let page = admin.get("/admin").await.expect(200);
    assert_eq!(counts(&page, "ends"), name_counts(&[("Ended by an administrator", "2")]));

    let page = admin.get("/admin?range=year").await.expect(422).has("There is no such range");
    assert_page(&page);
});

/// How a chart names an hour, or the day that the hour is in.
fn label(at: PrimitiveDateTime, with_hour: bool) -> String {
    let day = format_description!("[day padding:none] [month repr:short]");
    let hour = format_description!("[day padding:none] [month repr:short], [hour]:[minute]");
    if with_hour { at.format(hour).unwrap() } else { at.format(day).unwrap() }
}

/// Asserts that each chart has a name and draws as many values as its table has.
fn assert_charts_match_tables(page: &Answer) {
    let charts = page.attributes("svg[role=img]", "aria-labelledby");
    assert_eq!(charts.len(), 6);
    for names in charts {
        for id in names.split(' ') {
            assert!(!page.texts(&format!("svg #{id}")).concat().is_empty(), "{id} is empty");
        }
        let chart = names.split("-name").next().unwrap();
        let drawn = page.texts(&format!("svg[aria-labelledby^='{chart}-name'] rect.series-0")).len();
        let lines = table(page, chart);
        let written = lines.values().filter(|values| !matches!(values[0].as_str(), "0" | "–")).count();
        assert_eq!(drawn, written, "{chart}: a column or bar for each value");
    }
}

on_both_stacks!(overview_charts_match_table_and_summary, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    eventually(|| async { !app.samples().is_empty() }).await;
    // Fixes the hour, in case the next one starts during the test.
    let this_hour = hour(0);
    let hour = |ago| this_hour - Duration::hours(ago);
    for (ago, active) in [(2, 7), (3, 1_204), (5 * 24, 31), (40 * 24, 99)] {
        app.insert_samples(&[(hour(ago), active)]);
    }
    app.insert_samples(&[(hour(3) + Duration::minutes(30), 12)]);
    let failures = [3, 3, 3, 5 * 24].map(|ago| (hour(ago) + Duration::minutes(1), "sign_in_failed"));
    app.insert_bare_events(&failures);

    let page = admin.get("/admin").await.expect(200);
    assert_page(&page);
    let active = table(&page, "active");
    assert_eq!(active.len(), 24);
    assert_eq!(active[&label(hour(3), true)], ["1,204"], "the maximum of the hour");
    assert_eq!(active[&label(hour(2), true)], ["7"]);
    assert_eq!(active[&label(hour(10), true)], ["–"], "no sample in this hour");
    assert_eq!(table(&page, "sign-ins")[&label(hour(3), true)], ["0", "3"]);
    let highest = format!("highest 1,204 ({})", label(hour(3), true));
    assert!(summary(&page, "active").contains(&highest), "{}", summary(&page, "active"));
    assert!(summary(&page, "sign-ins").contains("Failed: highest 3"), "{}", summary(&page, "sign-ins"));
    assert_eq!(page.texts("svg[role=img] .value.key")[0], "1,204", "the maximum is visible without hovering");

    let month = admin.get("/admin?range=30d").await.expect(200);
    assert_page(&month);
    let active = table(&month, "active");
    assert_eq!(active.len(), 30);
    assert_eq!(active[&label(hour(5 * 24), false)], ["31"]);
    assert!(!active.values().any(|values| values[0] == "99"), "samples older than the range are not shown");
    assert_eq!(table(&month, "sign-ins")[&label(hour(5 * 24), false)], ["0", "1"]);

    for page in [&page, &month] {
        assert_charts_match_tables(page);
    }

    // Repeats, because a new minute may add a new sample.
    eventually(|| async {
        app.delete_samples();
        admin
            .get("/admin")
            .await
            .expect(200)
            .text()
            .contains("No samples yet: the first comes within a minute")
    })
    .await;
});

/// How far a zone without summer time is from UTC, and the midnight in which its day began, in UTC.
fn midnight(ahead: Duration) -> PrimitiveDateTime {
    let there = OffsetDateTime::now_utc() + ahead;
    PrimitiveDateTime::new(there.date(), Time::MIDNIGHT) - ahead
}

on_both_stacks!(overview_counts_days_and_hours_of_the_reader, |stack| async {
    let app = TestApp::builder(stack).var("SITE_TIMEZONE", "Asia/Kathmandu").start().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for (zone, told, hours, minutes) in [
        ("Asia/Kathmandu", None, 5, 45),
        ("Asia/Kolkata", Some("Asia/Kolkata"), 5, 30),
        ("Pacific/Kiritimati", Some("Pacific/Kiritimati"), 14, 0),
        ("Pacific/Pago_Pago", Some("Pacific/Pago_Pago"), -11, 0),
        ("Asia/Kathmandu", Some("Nowhere/Else"), 5, 45),
    ] {
        if let Some(told) = told {
            admin.set_cookie("reader-zone", told);
        }
        let ahead = Duration::hours(hours) + Duration::minutes(minutes);
        let midnight = midnight(ahead);
        let today = midnight.saturating_add(ahead);
        app.delete_failed_sign_ins();
        let (late, early) = (midnight - Duration::SECOND, midnight + Duration::SECOND);
        app.insert_bare_events(&[late, early, early].map(|at| (at, "sign_in_failed")));

        let page = admin.get("/admin?range=30d").await.expect(200);
        assert_page(&page);
        assert_eq!(page.texts("[data-zone]"), [zone]);
        assert_eq!(statistics(&page)[4], "2", "{zone}");
        let days = table(&page, "sign-ins");
        assert_eq!(days[&label(today, false)][1], "2", "{zone}: {days:?}");
        assert_eq!(days[&label(today - Duration::DAY, false)][1], "1", "{zone}: {days:?}");
        let link = page.attributes(".figures a[href*=sign_in_failed]", "href").remove(0);
        assert_eq!(link, format!("/admin/events?kind=sign_in_failed&from={}", today.date()));
        let found = admin.get(&link).await.expect(200);
        assert_eq!(
            (found.texts(".count strong"), found.texts("[data-zone]")),
            (vec!["2 events".to_owned()], vec![zone.to_owned()])
        );

        let hours = table(&admin.get("/admin").await.expect(200), "sign-ins");
        if OffsetDateTime::now_utc() + ahead < (today + Duration::hours(23)).assume_utc() {
            assert_eq!(hours[&label(today, true)][1], "2", "{zone}: {hours:?}");
            assert_eq!(hours[&label(today - Duration::HOUR, true)][1], "1", "{zone}: {hours:?}");
        }
    }
});

on_both_stacks!(samples_one_per_minute_across_instances, |stack| async {
    let began = OffsetDateTime::now_utc();
    let mut app = TestApp::start(stack).await;
    app.person("Ada Lovelace").await;
    let samples = || app.samples();
    eventually(|| async { !samples().is_empty() }).await;
    app.delete_samples();
    let (mut second, mut third) = (app.second_instance().await, app.second_instance().await);
    eventually(|| async { !samples().is_empty() }).await;
    for instance in [&mut second, &mut third, &mut app] {
        instance.restart().await;
        instance.client().get("/").await.expect(200);
    }
    let samples = app.samples();
    let minutes = (OffsetDateTime::now_utc() - began).whole_minutes() + 2;
    assert!(samples.len() <= usize::try_from(minutes).unwrap(), "{samples:?} in {minutes} minutes");
    for (at, active) in samples {
        assert!(at.ends_with(":00") && active == "1", "{at}: {active}");
    }
});

on_both_stacks!(samples_thinned_to_hours_then_deleted, |stack| async {
    let mut app = TestApp::start(stack).await;
    eventually(|| async { !app.samples().is_empty() }).await;
    app.stop().await;
    app.delete_samples();
    let half = Duration::minutes(30);
    let kept = [hour(24) + half, hour(72), hour(80 * 24)];
    let gone = [hour(72) + half, hour(91 * 24), hour(91 * 24) + half];
    app.insert_samples(&[&kept[..], &gone].concat().into_iter().map(|at| (at, 7)).collect::<Vec<_>>());
    app.restart().await;
    eventually(|| async { app.count_samples_of(7) == 3 }).await;
    for at in kept {
        assert!(app.sample_at(at).is_some(), "{at}");
    }
});

on_both_stacks!(samples_thinning_keeps_hourly_maximum, |stack| async {
    let mut app = TestApp::start(stack).await;
    eventually(|| async { !app.samples().is_empty() }).await;
    app.stop().await;
    app.delete_samples();
    let minute = |ago, minutes| hour(ago) + Duration::minutes(minutes);
    // Hours with the maximum later, with the maximum first, and without a sample in the first minute.
    let samples = [
        (minute(72, 0), 7),
        (minute(72, 30), 90),
        (minute(72, 45), 80),
        (minute(73, 0), 60),
        (minute(73, 1), 50),
        (minute(74, 10), 40),
        (minute(24, 30), 30),
    ];
    app.insert_samples(&samples);
    let newest = hour(1);
    app.restart().await;
    let old = || app.samples_before(newest);
    eventually(|| async { old().len() == 4 }).await;
    assert_eq!(old(), ["40", "60", "90", "30"]);
    assert_eq!(app.sample_at(hour(72)).as_deref(), Some("90"));
});

on_both_stacks!(overview_estimates_counts_above_100000, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    eventually(|| async { !app.samples().is_empty() }).await;
    app.copy_session(&app.session_of(&ada), 100_100);
    app.set_all_samples(123_456);
    app.insert_samples(&[(hour(-1), 234_567)]);
    let page = admin.get("/admin").await.expect(200);
    assert_page(&page);
    assert_eq!(statistics(&page)[0], "about 234,567");
    let page = page.has("the 100,000 seen last");
    assert!(statistics(&page)[1].starts_with("at least "), "{:?}", statistics(&page));
    assert_eq!(statistics(&page)[2], "1");
    assert_eq!(page.texts("[data-live-count]"), ["234,567"]);
});
