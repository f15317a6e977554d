//! An operator changes what an owner may have, and the owner sees it.

use super::{page, sign_in};
use crate::support::browser::Browser;
use crate::support::{Server, static_site};

#[test]
fn a_quota_is_changed_and_a_bad_one_is_said_at_its_field() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.publish("one", &static_site("one"));
    let operator = Browser::open();
    sign_in(&operator, &server.admin());
    operator.visit(&page(&server, "/operator"));
    operator.click("#spaces td a[href='/operator/quota/alice']");
    operator.fill("#spaces", "many");
    operator.fill("#memory", "3 GiB");
    operator.click("main form button");
    operator.shows("#spaces-more", "a whole number");
    operator.waits_for("document.getElementById('memory').value === '3 GiB'");
    let quota = || {
        server
            .admin()
            .get("/api/admin/quotas/alice")
            .expect(200)
            .json()
    };
    assert_eq!(
        quota()["quotas"]["memory"]["set"],
        false,
        "nothing of it was done"
    );

    operator.run("document.getElementById('spaces').value = '1'");
    operator.click("main form button");
    operator.shows("main", "Changed.");
    assert_eq!(quota()["quotas"]["spaces"]["limit"], 1);
    assert_eq!(quota()["quotas"]["memory"]["limit"], 3_u64 << 30);
    operator.visit(&page(&server, "/operator"));
    operator.shows("main", "alice: defaults -> spaces=1 memory=3221225472");

    let owner = Browser::open();
    sign_in(&owner, &alice);
    owner.visit(&page(&server, "/settings"));
    owner.shows(".gauges", "1 of 1");
    // Back to what the server says.
    operator.visit(&page(&server, "/operator/quota/alice"));
    operator.run("for (const field of document.querySelectorAll('main input:not([type=hidden])')) field.value = ''");
    operator.click("main form button");
    operator.shows("main", "Changed.");
    assert_eq!(quota()["quotas"]["spaces"]["set"], false);
}

#[test]
fn only_operators_see_it() {
    let server = Server::start();
    let alice = server.user("alice");
    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(&server, "/operator/quota/alice"));
    browser.shows("h1", "Nothing here");
}

#[test]
fn use_by_the_hour_is_a_picture_and_a_table() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish("one", &static_site("one"));
    for _ in 0..5 {
        space.visit("/").expect(200);
    }
    for (who, path) in [(alice, "/settings"), (server.admin(), "/operator")] {
        let browser = Browser::open();
        sign_in(&browser, &who);
        browser.visit(&page(&server, path));
        browser.shows(".chart:nth-of-type(3) figcaption", "Requests");
        browser.shows(".chart:nth-of-type(3) b", "5");
        browser.click(".behind summary");
        browser.shows(".behind table", "Requests");
        let label = "document.querySelectorAll('.chart')[2].querySelector('rect:last-of-type title').textContent";
        browser.waits_for(&format!("{label}.endsWith(': 5')"));
    }
}
