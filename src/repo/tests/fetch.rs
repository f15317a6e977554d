//! Answers to fetches that are not taken.

use std::time::Duration;

use super::*;

/// What a client sends to clone a repository of one commit.
fn request(head: &Revision) -> Vec<u8> {
    format!("0032want {head}\n00000009done\n").into_bytes()
}

async fn fetch(house: &House, head: &Revision) -> Result<Fetch, RepoError> {
    let body = std::io::Cursor::new(request(head));
    let pack = FetchRequest::Pack { gzip: false };
    house
        .repos
        .fetch(house.space.into(), pack, None, [192, 0, 2, 1].into(), body)
        .await
}

async fn take(mut fetch: Fetch) -> std::io::Result<usize> {
    let mut bytes = 0;
    while let Some(chunk) = fetch.next().await {
        bytes += chunk?.len();
    }
    Ok(bytes)
}

/// A repository of one file that is 2 MiB in a pack, and its only commit; one git process at a time.
async fn noisy(git_spool: u64) -> (House, Revision) {
    let house = House::with(RepoLimits {
        git_processes: 1,
        git_patience: Duration::from_millis(200),
        git_spool,
        ..RepoLimits::default()
    })
    .await;
    // Nothing that could be made smaller.
    let mut seed = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    })
    .take(NOISE)
    .collect();
    let head = house.commit(None, &[Put("noise", &noise)]).await.unwrap();
    (house, head)
}

const NOISE: usize = 2 << 20;

#[tokio::test]
async fn who_takes_nothing_keeps_nobody_from_git_and_loses_nothing() {
    let (house, head) = noisy(4 << 20).await;
    let mut slow = Vec::new();
    for _ in 0..10 {
        slow.push(fetch(&house, &head).await.unwrap());
    }
    for slow in slow {
        assert!(take(slow).await.unwrap() > NOISE);
    }
}

#[tokio::test]
async fn who_takes_nothing_of_what_is_too_much_to_keep_goes_when_others_wait_and_not_before() {
    let (house, head) = noisy(1 << 20).await;
    // Alone, one may take as long as one likes.
    let patient = fetch(&house, &head).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(take(patient).await.unwrap() > NOISE);

    let stalled = fetch(&house, &head).await.unwrap();
    let other = fetch(&house, &head).await.unwrap();
    // It is told from an answer that is whole.
    let error = take(stalled).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert!(take(other).await.unwrap() > NOISE);
}
