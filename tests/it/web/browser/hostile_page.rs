//! A Space's page that reaches for the page around it.

use super::{page, sign_in};
use crate::support::browser::Browser;
use crate::support::{Server, static_site};

#[test]
fn nothing_in_the_frame_moves_or_reads_the_page_around_it() {
    let server = Server::start();
    let alice = server.user("alice");
    let reach = "<h1>waiting</h1><script>
        const tries = {
            move: () => { top.location.href = '/login'; },
            read: () => parent.document.cookie,
            write: () => { parent.document.body.textContent = 'mine'; },
            frame: () => { parent.frames.app = null; parent.opener.location = 'about:blank'; },
            call: () => { parent.postMessage({location: '/login', height: 1}, '*'); },
        };
        const done = Object.entries(tries).map(([name, attempt]) => {
            try { attempt(); return name; } catch { return ''; }
        });
        const form = document.createElement('form');
        [form.action, form.target, form.method] = ['http://localhost:PORT/logout', '_top', 'post'];
        document.body.append(form);
        form.submit();
        document.querySelector('h1').textContent = 'tried ' + done.filter(Boolean);
    </script>";
    let port = server.address.port().to_string();
    alice.publish("demo", &static_site(&reach.replace("PORT", &port)));
    let browser = Browser::open();
    sign_in(&browser, &alice);
    let home = page(&server, "/spaces/alice/demo");
    browser.visit(&home);
    browser.run("window.same = true");
    browser.enter(Some("iframe#app"));
    // Only messages pass, and nobody listens to them.
    browser.shows("h1", "tried call");
    std::thread::sleep(std::time::Duration::from_secs(1));
    browser.enter(None);
    assert_eq!(browser.run("return window.same === true"), true);
    assert_eq!(browser.address(), home);
    // The session lives: nothing was signed out.
    browser.visit(&page(&server, "/settings"));
    browser.shows("h1", "alice");
}
