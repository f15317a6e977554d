//! A Space that sleeps, and those who come nevertheless.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::domain::Stage;
use crate::routes::Refusal;

#[tokio::test]
async fn a_browser_is_shown_how_a_space_wakes() {
    let mut house = House::open(|_| {}).await;
    house.space.set(Route::Building);
    let began = tokio::time::Instant::now();
    let page = house
        .ask("GET /x?y HTTP/1.1\r\naccept: text/html\r\nsec-fetch-mode: navigate\r\n")
        .await;
    assert!(
        began.elapsed() < 2 * BROWSER_PATIENCE,
        "{:?}",
        began.elapsed()
    );
    assert!(page.starts_with("HTTP/1.1 503 "), "{page}");
    assert!(
        page.contains("new EventSource(\"/.glasshouse/wake\")"),
        "{page}"
    );
    assert_eq!(house.nudges.try_recv(), Ok(house.space.id));

    let mut events = house.send("GET /.glasshouse/wake HTTP/1.1\r\n").await;
    let building = read_until(&mut events, "\n\n\r\n").await;
    assert!(building.contains("event: stage\n"), "{building}");
    assert!(building.contains("\"title\":\"Building\""), "{building}");
    house.space.set(Route::Starting);
    assert!(
        read_until(&mut events, "\n\n\r\n")
            .await
            .contains("\"title\":\"Starting\"")
    );
    house.space.set(Route::Refused(Refusal {
        stage: Stage::BuildError,
        message: "It \"broke\"\n.".into(),
    }));
    let failed = read_until(&mut events, "\n\n\r\n").await;
    assert!(
        failed.contains("event: failed\n") && failed.contains("It \\\"broke\\\"\\n."),
        "{failed}"
    );
    // Its author mends it.
    house.space.set(Route::Starting);
    read_until(&mut events, "\n\n\r\n").await;
    house.journal.run(house.space.id).line("not for strangers");
    house.route(instance(HELLO).await);
    let ready = read_until(&mut events, "0\r\n\r\n").await;
    assert!(
        ready.contains("event: ready\n") && !ready.contains("strangers"),
        "{ready}"
    );
    let answer = house.ask("GET / HTTP/1.1\r\n").await;
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn what_is_ours_never_reaches_the_space() {
    let house = House::saying(HELLO).await;
    for path in ["/.glasshouse/", "/.glasshouse/other", "//.glasshouse/wake/"] {
        let answer = house.ask(&format!("GET {path} HTTP/1.1\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
}

#[tokio::test]
async fn programs_wait_in_line_and_wake_it_once() {
    let mut house = House::open(|config| {
        config.gateway.concurrency_per_space = 2;
        config.gateway.queue_per_space = 3;
        config.gateway.queue_timeout = SOON;
    })
    .await;
    house.space.set(Route::Asleep);
    let (house_ref, answered) = (&house, &AtomicUsize::new(0));
    let ask = |number: usize| async move {
        tokio::time::sleep(SOON / 10 * number as u32).await;
        let answer = house_ref.ask("GET / HTTP/1.1\r\n").await;
        answered.fetch_add(1, Ordering::SeqCst);
        answer
    };
    let wake = async {
        tokio::time::sleep(5 * SOON).await;
        assert_eq!(
            answered.load(Ordering::SeqCst),
            3,
            "those the queue had no room for"
        );
        house_ref.route(instance(HELLO).await);
    };
    let (answers, ()) = tokio::join!(futures_util::future::join_all((0..8).map(ask)), wake);
    for (number, answer) in answers.iter().enumerate() {
        let (status, timing) = if number < 5 {
            ("200", true)
        } else {
            // All come from one address, so the queue is full of its own.
            ("429", false)
        };
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{number}: {answer}"
        );
        assert_eq!(
            answer.contains("server-timing: wake;dur="),
            timing && number < 2,
            "{number}: {answer}"
        );
        assert_eq!(
            answer.contains("retry-after: 1"),
            !timing,
            "{number}: {answer}"
        );
    }
    assert_eq!(house.nudges.try_recv(), Ok(house.space.id));
    assert!(house.nudges.try_recv().is_err());
}

#[tokio::test]
async fn pages_left_open_wake_nobody() {
    let mut house = House::open(|_| {}).await;
    house.space.set(Route::Asleep);
    for path in ["/gradio_api/heartbeat/x", "/_stcore/health"] {
        let answer = house.ask(&format!("GET {path} HTTP/1.1\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
    assert!(house.nudges.try_recv().is_err());
    let serving = house.route(instance(HELLO).await);
    let used = serving.last_used();
    tokio::time::sleep(SOON / 10).await;
    let answer = house.ask("GET /_stcore/health HTTP/1.1\r\n").await;
    assert!(answer.ends_with("hello"), "{answer}");
    assert_eq!(serving.last_used(), used);
}

#[tokio::test]
async fn a_client_that_counts_the_seconds_is_given_signs_of_life() {
    let house = House::open(|_| {}).await;
    house.space.set(Route::Asleep);
    let wake = async {
        tokio::time::sleep(Duration::from_millis(3500)).await;
        house.route(instance(HELLO).await);
    };
    let head = "GET /config HTTP/1.1\r\nuser-agent: gradio_client/2.7.2; python/3.13\r\n";
    let (answer, ()) = tokio::join!(house.ask(head), wake);
    let rest = answer.strip_prefix("HTTP/1.1 102 Processing\r\n\r\n");
    let rest = rest.expect(&answer);
    assert!(
        rest.starts_with("HTTP/1.1 200 OK\r\n") && rest.ends_with("hello"),
        "{answer}"
    );
}
