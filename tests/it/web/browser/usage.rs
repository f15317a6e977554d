//! What was used by the hour, as charts with a table behind them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{page, sign_in};
use crate::support::browser::Browser;
use crate::support::guests::wasi;
use crate::support::{Server, eventually, static_site};

/// The first row of a table, by the heads of its columns.
fn first_row(browser: &Browser, table: &str) -> Value {
    browser.run(&format!(
        "const heads = [...document.querySelectorAll('#usage .{table} thead th')].map(cell => cell.textContent);
        const row = document.querySelector('#usage .{table} tbody tr');
        const cells = row ? [...row.children].map(cell => cell.textContent) : [];
        return Object.fromEntries(cells.map((text, place) => [heads[place], text]))"
    ))
}

#[test]
fn an_owner_sees_what_was_used_and_when() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let guest = alice.publish_hostile("");
    let site = alice.publish("site", &static_site("hello"));
    for _ in 0..3 {
        guest.visit("/busy?ms=100").expect(200);
        site.visit("/").expect(200);
    }
    // Memory that is held for a while is what is counted of it.
    guest.visit("/sleep?ms=2000").expect(200);
    let browser = Browser::open();
    sign_in(&browser, &alice);
    for hours in ["24", "168"] {
        browser.visit(&page(&server, &format!("/settings?hours={hours}")));
        browser.shows(".charts", "CPU time");
        let newest = first_row(&browser, "by-hour");
        assert_eq!(newest["Requests"], "7", "{newest}");
        assert_ne!(newest["CPU time"], "0 s", "{newest}");
        assert_ne!(newest["Memory, GB-seconds"], "0", "{newest}");
        // The one that took most CPU stands first, and is told from the other.
        let hungry = first_row(&browser, "by-space");
        assert_eq!(hungry["Space"], "alice/hostile", "{hungry}");
        assert_eq!(hungry["Requests"], "4", "{hungry}");
        assert_eq!(hungry["CPU time"], newest["CPU time"], "{hungry}");
        // The same is in the pictures: one bar each, at their right end.
        let bars = browser.run(
            "return [...document.querySelectorAll('.chart svg')].map(picture => {
                const bar = picture.querySelector('rect').getBoundingClientRect();
                const frame = picture.getBoundingClientRect();
                return [picture.querySelectorAll('rect').length, (frame.right - bar.right) / frame.width,
                    bar.height / frame.height]
            })",
        );
        for bar in bars.as_array().unwrap() {
            let number = |place: usize| bar[place].as_f64().unwrap();
            // Two when the hour has just changed.
            assert!(number(0) <= 2.0 && number(2) > 0.01, "{bars}");
            assert!((0.0..0.1).contains(&number(1)), "{bars}");
        }
    }
    let tip = browser
        .run("return document.querySelectorAll('.chart')[2].querySelector('title').textContent");
    assert!(tip.as_str().unwrap().ends_with(": 7"), "{tip}");
    browser.shows("#usage [aria-current]", "7 days");
    browser.shows("main", "resets in");

    let other = Browser::open();
    sign_in(&other, &bob);
    other.visit(&page(&server, "/settings"));
    assert_eq!(first_row(&other, "by-hour"), json!({}));
    other.shows(".charts", "nothing yet");
}

#[test]
fn an_operator_sees_all_of_it_and_how_long_wakes_took() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let guest = alice.publish("guest", &wasi("hello", ""));
    let site = bob.publish("site", &static_site("hello"));
    site.visit("/").expect(200);
    guest.post("/sleeptime", &json!({"seconds": 1})).expect(200);
    eventually(Duration::from_secs(20), "it sleeps", || {
        (guest.stage() == "SLEEPING").then_some(())
    });
    guest.visit("/").expect(200);
    let browser = Browser::open();
    sign_in(&browser, &server.admin());
    browser.visit(&page(&server, "/operator?tab=host"));
    let newest = first_row(&browser, "by-hour");
    assert_eq!(newest["Requests"], "2", "{newest}");
    assert_eq!(newest["Wakes"], "1", "{newest}");
    assert_eq!(newest["Builds"], "2", "{newest}");
    let wake = newest["Average time to wake"].as_str().unwrap();
    assert!(wake.ends_with('s') && wake != "0 ms", "{newest}");
    let guests = first_row(&browser, "by-space");
    assert_eq!(guests["Space"], "alice/guest", "{guests}");
    assert_eq!(guests["Wakes"], "1", "{guests}");
    assert_eq!(guests["Average time to wake"], wake, "{guests}");
}
